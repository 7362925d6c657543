import { sql } from "drizzle-orm";
import { check, index, integer, pgTable, text, unique, uuid } from "drizzle-orm/pg-core";
import { at } from "./columns";
import { users } from "./users";

/** Keys of the company's servers for `/api/v1`; a revoked one stays, so that it can be recognized. Our clock. */
export const apiKeys = pgTable(
  "api_keys",
  {
    id: uuid().primaryKey().defaultRandom(),
    name: text().notNull(),
    /** The SHA-256 of the key; the key itself is stored nowhere. */
    secretHash: text("secret_hash").notNull().unique(),
    scopes: text().array().notNull(),
    createdAt: at("created_at").notNull(),
    /** Written at most once every few minutes; null if it was never used. */
    lastUsedAt: at("last_used_at"),
    revokedAt: at("revoked_at"),
  },
  (table) => [check("api_keys_secret_is_hashed", sql`${table.secretHash} ~ '^[0-9a-f]{64}$'`)],
);

/** Requests with an Idempotency-Key, so that a repeated one gets the first one's answer. Our clock. */
export const apiRequests = pgTable(
  "api_requests",
  {
    id: uuid().primaryKey().defaultRandom(),
    apiKeyId: uuid("api_key_id")
      .notNull()
      .references(() => apiKeys.id, { onDelete: "cascade" }),
    /** Keyed hashes: the client's keys and requests may contain anything, and must not be readable here. */
    idempotencyHash: text("idempotency_hash").notNull(),
    requestHash: text("request_hash").notNull(),
    /** The person whom the request names, with whom its answer is deleted; null if it names none. */
    userId: uuid("user_id").references(() => users.id, { onDelete: "cascade" }),
    createdAt: at("created_at").notNull(),
    /** Until when the process that carries it out has it for itself. */
    lockedUntil: at("locked_until").notNull(),
    /** The answer; null until it was carried out. The body may contain a secret, so it is sealed. */
    status: integer(),
    sealedAnswer: text("sealed_answer"),
  },
  (table) => [
    unique().on(table.apiKeyId, table.idempotencyHash),
    index().on(table.createdAt),
    index().on(table.userId),
    check("api_requests_answer", sql`(${table.status} is null) = (${table.sealedAnswer} is null)`),
  ],
);
