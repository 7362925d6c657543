import { sql } from "drizzle-orm";
import { check, index, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import { at } from "./columns";
import { fixSessions } from "./fix-sessions";
import { ofUser } from "./users";

/**
 * Where people are signed in. A session ends on its own when it has been unused for a while or is too old
 * (lib/auth/sessions.ts). All times are on our clock.
 */
export const sessions = pgTable(
  "sessions",
  {
    /** The SHA-256 of the token in the browser's cookie; the token itself is stored nowhere. */
    tokenHash: text("session_token").primaryKey(),
    /** Names the session on its owner's page; useless for signing in. */
    id: uuid().notNull().unique().defaultRandom(),
    userId: ofUser(),
    /**
     * For a visitor whom a fix session's link signed in: the only session they may use, and until when. Their
     * token is hashed in a way of its own (visitorHash), so that nothing mistakes it for a full session.
     */
    fixSessionId: uuid("fix_session_id").references(() => fixSessions.id, { onDelete: "cascade" }),
    expiresAt: at("expires_at"),
    /** Such as "Firefox on Windows"; never the whole user agent. */
    device: text().notNull().default(""),
    createdAt: at("created_at").notNull().defaultNow(),
    /** Written at most once every few minutes. */
    lastUsedAt: at("last_used_at").notNull().defaultNow(),
  },
  (table) => [
    check("sessions_token_is_hashed", sql`${table.tokenHash} ~ '^[0-9a-f]{64}$'`),
    index().on(table.userId),
    index().on(table.lastUsedAt),
    index("sessions_by_link")
      .on(table.fixSessionId)
      .where(sql`${table.fixSessionId} is not null`),
    check("sessions_of_visitors_expire", sql`(${table.fixSessionId} is null) = (${table.expiresAt} is null)`),
  ],
);

/** Unused sign-in links, in the shape that next-auth requires; it hashes their tokens too. */
export const verificationTokens = pgTable(
  "verification_tokens",
  { identifier: text().notNull(), token: text().notNull(), expires: at("expires").notNull() },
  (table) => [primaryKey({ columns: [table.identifier, table.token] }), index().on(table.expires)],
);

/** Unused hand-offs: addresses that sign one person in, once, within a minute (lib/auth/hand-off). */
export const handOffs = pgTable(
  "hand_offs",
  {
    /** Stays the same when its request is repeated, so that one request makes one. */
    id: uuid().primaryKey().defaultRandom(),
    userId: ofUser(),
    /** The SHA-256 of the token in the address; the token itself is stored nowhere. */
    tokenHash: text("token_hash").notNull().unique(),
    /** A path within the app. */
    returnTo: text("return_to").notNull(),
    expiresAt: at("expires_at").notNull(),
  },
  (table) => [
    check("hand_offs_token_is_hashed", sql`${table.tokenHash} ~ '^[0-9a-f]{64}$'`),
    index().on(table.userId),
    index().on(table.expiresAt),
  ],
);
