import { relations } from "drizzle-orm";
import { notices } from "./notices";
import { incidents } from "./incidents";
import { fixSessions } from "./fix-sessions";
import { brokerageAccounts, brokerages, connections, episodes } from "./connections";
import { portalSessions, reconnectQueues } from "./portal";
import { users } from "./users";

export const noticesRelations = relations(notices, ({ one }) => ({
  user: one(users, { fields: [notices.userId], references: [users.id] }),
  episode: one(episodes, { fields: [notices.episodeId], references: [episodes.id] }),
}));
export const connectionsRelations = relations(connections, ({ one, many }) => ({
  brokerage: one(brokerages, { fields: [connections.brokerageId], references: [brokerages.id] }),
  accounts: many(brokerageAccounts),
  episodes: many(episodes),
  portalSessions: many(portalSessions),
}));
export const brokeragesRelations = relations(brokerages, ({ many }) => ({ incidents: many(incidents) }));
export const incidentsRelations = relations(incidents, ({ one }) => ({
  brokerage: one(brokerages, { fields: [incidents.brokerageId], references: [brokerages.id] }),
}));
export const accountsRelations = relations(brokerageAccounts, ({ one }) => ({
  connection: one(connections, { fields: [brokerageAccounts.connectionId], references: [connections.id] }),
}));
export const episodesRelations = relations(episodes, ({ one, many }) => ({
  connection: one(connections, { fields: [episodes.connectionId], references: [connections.id] }),
  notices: many(notices),
}));
export const portalSessionsRelations = relations(portalSessions, ({ one }) => ({
  connection: one(connections, { fields: [portalSessions.connectionId], references: [connections.id] }),
  brokerage: one(brokerages, { fields: [portalSessions.brokerageId], references: [brokerages.id] }),
  queue: one(reconnectQueues, { fields: [portalSessions.queueId], references: [reconnectQueues.id] }),
}));
export const fixSessionsRelations = relations(fixSessions, ({ one }) => ({
  brokerage: one(brokerages, { fields: [fixSessions.brokerageId], references: [brokerages.id] }),
}));
