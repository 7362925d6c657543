import { sql } from "drizzle-orm";
import { index, integer, pgTable, text, unique, uuid } from "drizzle-orm/pg-core";
import { at, oneOf } from "./columns";
import { brokerages, episodes } from "./connections";
import { ofUser } from "./users";

const noticeKinds = ["broke", "reminder-3", "reminder-7", "when-back", "fixed"] as const;
const mailStates = [
  "waiting",
  "held",
  "claimed",
  "leaving",
  "sent",
  "cancelled",
  "failed",
  "unknown",
] as const;

const ofEpisode = () =>
  uuid("episode_id")
    .notNull()
    .references(() => episodes.id, { onDelete: "cascade" });

/** The notices about one episode, at most one of each kind. Our clock. */
export const notices = pgTable(
  "notices",
  {
    id: uuid().primaryKey().defaultRandom(),
    userId: ofUser(),
    episodeId: ofEpisode(),
    /** Copied from the episode, so that brokerages can take turns without reading every due notice. */
    brokerageId: uuid("brokerage_id").notNull(),
    kind: text({ enum: noticeKinds }).notNull(),
    createdAt: at("created_at").notNull(),
    readAt: at("read_at"),
    /**
     * "held": waits for its brokerage, not for a time; "claimed": not sent yet; "leaving": may have been
     * sent; "unknown": may or may not have been sent, so it is not sent again.
     */
    mail: text({ enum: mailStates }).notNull().default("waiting"),
    runAt: at("run_at").notNull(),
    /** Since when it has waited for the brokerage; the e-mail mentions the wait. */
    heldAt: at("held_at"),
    /** While held: the brokerage that must recover first. */
    heldFor: uuid("held_for").references(() => brokerages.id),
    /** When the lease of the sending process ends. */
    lockedUntil: at("locked_until"),
    sentAt: at("sent_at"),
    /** The Message-ID of the e-mail; several notices may share one. */
    mailId: text("mail_id"),
    /** The subject of the e-mail, once it was sent. */
    subject: text(),
    attempts: integer().notNull().default(0),
    /** Why it is held or was canceled, or why the last attempt failed. */
    lastError: text("last_error"),
  },
  (table) => [
    oneOf("notices_kind", table.kind, noticeKinds),
    oneOf("notices_mail", table.mail, mailStates),
    unique().on(table.episodeId, table.kind),
    index().on(table.userId),
    index("notices_waiting")
      .on(table.brokerageId, table.runAt, table.userId)
      .where(sql`${table.mail} = 'waiting'`),
    index("notices_leased")
      .on(table.lockedUntil)
      .where(sql`${table.mail} in ('claimed', 'leaving')`),
    index("notices_held")
      .on(table.heldFor, table.userId)
      .where(sql`${table.mail} = 'held'`),
    index("notices_over")
      .on(table.createdAt, table.id)
      .where(sql`${table.mail} in ('sent', 'cancelled', 'failed', 'unknown')`),
  ],
);

/**
 * Links in e-mails that the previous release sends. A trigger copies each into `fix_sessions`, where this
 * release finds it; the next one drops the table.
 */
export const fixLinks = pgTable(
  "fix_links",
  {
    tokenHash: text("token_hash").primaryKey(),
    userId: ofUser(),
    episodeId: ofEpisode(),
    expiresAt: at("expires_at").notNull(),
    usedAt: at("used_at"),
  },
  (table) => [index().on(table.userId), index().on(table.episodeId), index().on(table.expiresAt)],
);
