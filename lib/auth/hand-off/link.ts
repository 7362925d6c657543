import "server-only";
import { createHash, randomBytes } from "node:crypto";
import { and, eq, gt, isNull } from "drizzle-orm";
import { env } from "@/lib/base/env";
import { AppError } from "@/lib/base/errors";
import { database } from "@/lib/db/client";
import { handOffs } from "@/lib/db/schema/auth";
import { users } from "@/lib/db/schema/users";
import { returnPath } from "../sign-in-request";

const handOffMs = 60_000;

const hashOf = (token: string) => createHash("sha256").update(`hand-off ${token}`).digest("hex");

/** Whom a hand-off would sign in, and where it leads. */
interface HandOff {
  userId: string;
  email: string | null;
  externalId: string | null;
  returnTo: string;
}

/**
 * Makes an address that signs this person in, once, within a minute, and then leads to a path of the app. It
 * is a secret; only its hash is stored.
 * @param id a repeated request passes the same one, and its earlier address stops working
 * @throws AppError invalid-input for a path that isn't within the app, account-deleting
 */
export async function createHandOff({
  id,
  userId,
  returnTo,
  now,
}: {
  id?: string;
  userId: string;
  returnTo: string;
  now: Date;
}): Promise<{ url: string; expiresAt: Date }> {
  const path = returnPath(returnTo);
  if (!path) throw new AppError("invalid-input");
  const db = await database();
  const [user] = await db
    .select({ deletionRequestedAt: users.deletionRequestedAt })
    .from(users)
    .where(eq(users.id, userId));
  if (!user) throw new AppError("not-found");
  if (user.deletionRequestedAt) throw new AppError("account-deleting");
  const token = randomBytes(32).toString("base64url");
  const made = {
    tokenHash: hashOf(token),
    returnTo: path,
    expiresAt: new Date(now.getTime() + handOffMs),
  };
  await db
    .insert(handOffs)
    .values({ id, userId, ...made })
    .onConflictDoUpdate({ target: handOffs.id, set: made, setWhere: eq(handOffs.userId, userId) });
  return { url: `${env().APP_URL}/sign-in/hand-off?token=${token}`, expiresAt: made.expiresAt };
}

/** What an address would do, or null if it is used, expired, or made up; reading doesn't use it up. */
export async function readHandOff(token: string, now: Date): Promise<HandOff | null> {
  const db = await database();
  const { userId, returnTo, tokenHash, expiresAt } = handOffs;
  const [found] = await db
    .select({ userId, returnTo, email: users.email, externalId: users.externalId })
    .from(handOffs)
    .innerJoin(users, eq(users.id, userId))
    .where(and(eq(tokenHash, hashOf(token)), gt(expiresAt, now), isNull(users.deletionRequestedAt)));
  return found ?? null;
}

/** Uses an address up. Of several at once, one gets the person; the others get null. */
export async function redeemHandOff(
  token: string,
  now: Date,
): Promise<{ userId: string; returnTo: string } | null> {
  const db = await database();
  const { userId, returnTo, tokenHash, expiresAt } = handOffs;
  const [used] = await db
    .delete(handOffs)
    .where(and(eq(tokenHash, hashOf(token)), gt(expiresAt, now)))
    .returning({ userId, returnTo });
  return used ?? null;
}
