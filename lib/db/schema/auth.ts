import { index, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { at } from "./columns";
import { ofUser } from "./users";

// Sign-in tables, in the shape that next-auth requires.

export const sessions = pgTable(
  "sessions",
  {
    sessionToken: text("session_token").primaryKey(),
    userId: ofUser(),
    expires: at("expires").notNull(),
  },
  (table) => [index().on(table.userId), index().on(table.expires)],
);

export const verificationTokens = pgTable(
  "verification_tokens",
  { identifier: text().notNull(), token: text().notNull(), expires: at("expires").notNull() },
  (table) => [primaryKey({ columns: [table.identifier, table.token] }), index().on(table.expires)],
);
