import { sql } from "drizzle-orm";
import { boolean, check, index, pgTable, text, uuid } from "drizzle-orm/pg-core";
import { at, oneOf } from "./columns";
import { brokerages, connections } from "./connections";
import { ofUser } from "./users";

const kinds = ["fix", "connect"] as const;
const origins = ["api", "mail"] as const;
const outcomes = ["fixed", "connected", "failed", "expired"] as const;
const reasons = ["done", "not-needed", "removed", "given-up", "replaced", "timed-out"] as const;

/**
 * A link for one person that leads through repairing what they have, or through making a connection, until it
 * is over. Ends once, for good (lib/fix-sessions/ending). All times are on our clock.
 */
export const fixSessions = pgTable(
  "fix_sessions",
  {
    id: uuid().primaryKey().defaultRandom(),
    /** The SHA-256 of the token in the link; the token itself is stored nowhere. */
    tokenHash: text("token_hash").notNull().unique(),
    userId: ofUser(),
    kind: text({ enum: kinds }).notNull().default("fix"),
    /** Who made it: the company's server, or one of our e-mails. */
    origin: text({ enum: origins }).notNull(),
    /** What to repair; null for everything that needs the person. */
    connectionId: uuid("connection_id").references(() => connections.id, { onDelete: "cascade" }),
    /** Where to connect; null if the person chooses. */
    brokerageId: uuid("brokerage_id").references(() => brokerages.id),
    /** Checked against RETURN_URLS when it was made, and again whenever it is used. */
    returnUrl: text("return_url"),
    locale: text(),
    /** Whether the link signs its person in, once, for this session's pages only; and when it did. */
    signsIn: boolean("signs_in").notNull().default(false),
    signedInAt: at("signed_in_at"),
    createdAt: at("created_at").notNull(),
    expiresAt: at("expires_at").notNull(),
    /** When its person first saw its page. */
    openedAt: at("opened_at"),
    endedAt: at("ended_at"),
    outcome: text({ enum: outcomes }),
    reason: text({ enum: reasons }),
    /** The connections that it repaired or made. */
    doneIds: uuid("done_ids").array().notNull().default([]),
    /** Why its last visit failed: our word for it, and SnapTrade's code. */
    failure: text(),
    failureCode: text("failure_code"),
  },
  (table) => [
    check("fix_sessions_token_is_hashed", sql`${table.tokenHash} ~ '^[0-9a-f]{64}$'`),
    oneOf("fix_sessions_kind", table.kind, kinds),
    oneOf("fix_sessions_origin", table.origin, origins),
    oneOf("fix_sessions_outcome", table.outcome, outcomes),
    oneOf("fix_sessions_reason", table.reason, reasons),
    check(
      "fix_sessions_end",
      sql`(${table.outcome} is null) = (${table.endedAt} is null) and (${table.outcome} is null) = (${table.reason} is null)`,
    ),
    index().on(table.userId),
    index().on(table.connectionId),
    index("fix_sessions_open")
      .on(table.userId)
      .where(sql`${table.outcome} is null`),
    index("fix_sessions_due")
      .on(table.expiresAt)
      .where(sql`${table.outcome} is null`),
    index("fix_sessions_over")
      .on(table.endedAt)
      .where(sql`${table.outcome} is not null`),
  ],
);
