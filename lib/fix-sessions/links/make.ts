import "server-only";
import { createHash, randomBytes } from "node:crypto";
import { eq } from "drizzle-orm";
import { env } from "@/lib/base/env";
import type { Transaction } from "@/lib/db/database";
import { fixSessions } from "@/lib/db/schema/fix-sessions";

/** A token as the database knows it. E-mails sent by older releases contain tokens hashed the same way. */
export const hashOf = (token: string) => createHash("sha256").update(token).digest("hex");

type NewLink = Omit<typeof fixSessions.$inferInsert, "tokenHash">;

/**
 * Stores a fix session and makes its link, which nothing can make again: only a hash of it is kept. The caller
 * has checked what it is for. One that is stored already under this id gets a new link in place of the old one,
 * whose answer was lost.
 */
export async function makeLink(
  db: Pick<Transaction, "insert">,
  session: NewLink,
): Promise<{ id: string; url: string }> {
  const token = randomBytes(24).toString("base64url");
  const [made] = await db
    .insert(fixSessions)
    .values({ ...session, tokenHash: hashOf(token) })
    .onConflictDoUpdate({
      target: fixSessions.id,
      set: { tokenHash: hashOf(token) },
      setWhere: eq(fixSessions.userId, session.userId),
    })
    .returning({ id: fixSessions.id });
  if (!made) throw new Error("The fix session was not stored");
  return { id: made.id, url: `${env().APP_URL}/fix/${token}` };
}
