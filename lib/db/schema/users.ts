import { sql } from "drizzle-orm";
import {
  bigserial,
  boolean,
  check,
  index,
  integer,
  pgTable,
  smallint,
  text,
  uuid,
} from "drizzle-orm/pg-core";
import { at, oneOf } from "./columns";

const mailPreferences = ["all", "first", "none"] as const;
const goneReasons = ["deleted", "refused"] as const;

// People, in the shape that next-auth requires.

export const users = pgTable(
  "users",
  {
    id: uuid().primaryKey().defaultRandom(),
    name: text(),
    /** The company's own id for this person, opaque to us; never changes. Null for those who signed up here. */
    externalId: text("external_id").unique(),
    /** Null for someone whom only the company can reach; they get no e-mails. */
    email: text().unique(),
    emailVerified: at("email_verified"),
    image: text(),
    /**
     * Incremented by each change that this person's pages show; an open page with an older version reloads.
     */
    version: integer().notNull().default(0),
    /**
     * Our clock: when the person asked to delete their account; the row is deleted once SnapTrade has deleted
     * its part.
     */
    deletionRequestedAt: at("deletion_requested_at"),
    /** Our clock: when to try the deletion next. */
    deletionRunAt: at("deletion_run_at")
      .notNull()
      .default(sql`now()`),
    deletionAttempts: integer("deletion_attempts").notNull().default(0),
    deletionLastError: text("deletion_last_error"),
    /** Which e-mails about their connections they want: all, only the first about each break, or none. */
    mailPreference: text("mail_preference", { enum: mailPreferences }).notNull().default("all"),
    /** Quiet hours without e-mails, in minutes of the person's day; equal values mean no quiet hours. */
    quietFrom: integer("quiet_from").notNull().default(1320),
    quietTo: integer("quiet_to").notNull().default(480),
    /** The IANA name that their browser last reported. */
    timeZone: text("time_zone").notNull().default("UTC"),
    /** A BCP 47 tag, if the company gave one. */
    locale: text(),
  },
  (table) => [
    check("users_external_id", sql`char_length(${table.externalId}) between 1 and 255`),
    check("users_known_by_something", sql`${table.externalId} is not null or ${table.email} is not null`),
    oneOf("users_mail_preference", table.mailPreference, mailPreferences),
    check(
      "users_quiet_hours",
      sql`${table.quietFrom} between 0 and 1439 and ${table.quietTo} between 0 and 1439`,
    ),
    index("users_deletions")
      .on(table.deletionRunAt)
      .where(sql`${table.deletionRequestedAt} is not null`),
  ],
);

/** The owner column of every row that belongs to a person and is deleted with them. */
export const ofUser = () =>
  uuid("user_id")
    .notNull()
    .references(() => users.id, { onDelete: "cascade" });

/**
 * SnapTrade's record of a person (docs/snaptrade.md §2.1) and our reads of their connections; times on our
 * clock.
 */
export const snapTradeUsers = pgTable(
  "snaptrade_users",
  {
    userId: ofUser().primaryKey(),
    snapTradeUserId: text("snaptrade_user_id").notNull().unique(),
    sealedSecret: text("sealed_secret").notNull(),
    /** When SnapTrade was asked for a new secret that isn't stored yet; the stored one may no longer work. */
    secretResetSentAt: at("secret_reset_sent_at"),
    registeredAt: at("registered_at").notNull(),
    /**
     * When a user that the company had already registered was taken over; null if we registered it. The
     * company holds the secret too, so it is never replaced and the user never deleted unless asked
     * (docs/decisions/0018-people.md).
     */
    adoptedAt: at("adopted_at"),
    /** Has a working connection, whose break could be missed. Written along with the connections' states. */
    watched: boolean().notNull().default(false),
    lookedAt: at("looked_at"),
    /** The newest failed look since the last successful one. */
    lookFailedAt: at("look_failed_at"),
    /** Something contradicts what we know, so look again from this time on. */
    lookDueAt: at("look_due_at"),
    /** When the timer plans to look again, based on risk. */
    nextLookAt: at("next_look_at")
      .notNull()
      .default(sql`now()`),
    accountsLookedAt: at("accounts_looked_at"),
    /** SnapTrade's clock: when the stored accounts were requested. */
    accountsAskedAt: at("accounts_asked_at"),
    /** How many connections the last look found in a form we can't read. */
    unreadableConnections: integer("unreadable_connections").notNull().default(0),
    /** How many times in a row SnapTrade rejected this secret (1083); a successful look resets it. */
    refusals: integer().notNull().default(0),
    /** While the secret is rejected: when to ask again without the person clicking. */
    askAgainAt: at("ask_again_at"),
    /**
     * When SnapTrade deleted this user, or had rejected the secret several times over some minutes; a
     * rejection may still end.
     */
    goneAt: at("gone_at"),
    goneReason: text("gone_reason", { enum: goneReasons }),
  },
  (table) => [
    oneOf("snaptrade_users_gone_reason", table.goneReason, goneReasons),
    check("snaptrade_users_gone", sql`(${table.goneAt} is null) = (${table.goneReason} is null)`),
    index("snaptrade_users_next_look")
      .on(table.nextLookAt)
      .where(sql`${table.goneAt} is null and ${table.askAgainAt} is null`),
    index("snaptrade_users_stalest")
      .on(sql`coalesce(greatest(${table.lookedAt}, ${table.lookFailedAt}), '-infinity')`)
      .where(sql`${table.watched} and ${table.goneAt} is null and ${table.askAgainAt} is null`),
    index("snaptrade_users_look_due")
      .on(table.lookDueAt)
      .where(sql`${table.lookDueAt} is not null and ${table.goneAt} is null and ${table.askAgainAt} is null`),
    index("snaptrade_users_ask_again")
      .on(table.askAgainAt)
      .where(sql`${table.askAgainAt} is not null`),
  ],
);

/**
 * Changes to the number of watched people that `rounds.watched` doesn't include yet. A trigger on
 * snaptrade_users adds each as +1 or -1; rows are never updated, so no transaction waits for another's
 * change.
 */
export const watchedChanges = pgTable("watched_changes", {
  id: bigserial({ mode: "number" }).primaryKey(),
  change: smallint().notNull(),
});
