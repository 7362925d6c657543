import { sql } from "drizzle-orm";
import { index, integer, pgTable, text, unique, uuid } from "drizzle-orm/pg-core";
import { at } from "./at";
import { brokerages, episodes, ofUser } from "./connections";

const ofEpisode = () =>
  uuid("episode_id")
    .notNull()
    .references(() => episodes.id, { onDelete: "cascade" });

/** What a person is told about one episode: at most one of each kind. Our clock. */
export const notices = pgTable(
  "notices",
  {
    id: uuid().primaryKey().defaultRandom(),
    userId: ofUser(),
    episodeId: ofEpisode(),
    kind: text({ enum: ["broke", "reminder-3", "reminder-7", "back", "fixed"] }).notNull(),
    createdAt: at("created_at").notNull(),
    readAt: at("read_at"),
    /**
     * "held": waits for its brokerage, not for a time; "claimed": not sent yet; "leaving": may have been sent;
     * "unknown": there is no way to tell anymore, so it is not sent again.
     */
    mail: text({ enum: ["waiting", "held", "claimed", "leaving", "sent", "cancelled", "failed", "unknown"] })
      .notNull()
      .default("waiting"),
    notBefore: at("not_before").notNull(),
    /** It had to wait for the brokerage; says so when it goes out. */
    heldAt: at("held_at"),
    /** While held: the brokerage that must recover first. */
    heldFor: uuid("held_for").references(() => brokerages.id),
    claimedAt: at("claimed_at"),
    sentAt: at("sent_at"),
    /** The Message-ID of the e-mail; several notices may share one. */
    mailId: text("mail_id"),
    /** What it was called, once it was sent. */
    subject: text(),
    attempts: integer().notNull().default(0),
    /** Why it is held or was cancelled, or why the last attempt failed. */
    problem: text(),
  },
  (table) => [
    unique().on(table.episodeId, table.kind),
    index().on(table.userId),
    index("notices_waiting")
      .on(table.notBefore)
      .where(sql`${table.mail} in ('waiting', 'claimed', 'leaving')`),
    index("notices_held")
      .on(table.heldFor, table.userId)
      .where(sql`${table.mail} = 'held'`),
  ],
);

/** A way from an e-mail to the reconnect of one connection. Only the hash of its token is kept. */
export const fixLinks = pgTable("fix_links", {
  tokenHash: text("token_hash").primaryKey(),
  userId: ofUser(),
  episodeId: ofEpisode(),
  expiresAt: at("expires_at").notNull(),
  usedAt: at("used_at"),
});
