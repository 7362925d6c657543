import "server-only";
import { createHash, randomBytes } from "node:crypto";
import { and, eq, isNull } from "drizzle-orm";
import { env } from "@/lib/base/env";
import type { Transaction } from "@/lib/db/database";
import { fixSessions } from "@/lib/db/schema/fix-sessions";

/** A token as the database knows it. E-mails sent by older releases contain tokens hashed the same way. */
export const hashOf = (token: string) => createHash("sha256").update(token).digest("hex");

type NewLink = Omit<typeof fixSessions.$inferInsert, "tokenHash">;

/**
 * Stores a fix session and makes its link, which nothing can make again: only a hash of it is kept. The caller
 * has checked what it is for. One that is stored already under this id gets a new link and a new time in place of
 * the old ones, whose answer was lost; if it is over by then, another one is made.
 */
export async function makeLink(
  db: Pick<Transaction, "insert">,
  session: NewLink,
): Promise<{ id: string; url: string }> {
  const token = randomBytes(24).toString("base64url");
  const { userId, outcome } = fixSessions;
  const { createdAt, expiresAt } = session;
  const store = (values: NewLink) =>
    db
      .insert(fixSessions)
      .values({ ...values, tokenHash: hashOf(token) })
      .onConflictDoUpdate({
        target: fixSessions.id,
        set: { tokenHash: hashOf(token), createdAt, expiresAt },
        setWhere: and(eq(userId, session.userId), isNull(outcome)),
      })
      .returning({ id: fixSessions.id });
  const made = (await store(session)).at(0) ?? (await store({ ...session, id: undefined })).at(0);
  if (!made) throw new Error("The fix session was not stored");
  return { id: made.id, url: `${env().APP_URL}/fix/${token}` };
}
