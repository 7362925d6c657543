import "server-only";
import { createHash } from "node:crypto";
import { and, desc, eq, gt, inArray, isNotNull, isNull, lt, ne, or, type SQL } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { sessions } from "@/lib/db/schema/auth";
import { users } from "@/lib/db/schema/users";
import { announceChanges, recordChange } from "@/lib/live";
import type { User } from "./user";
import type { SessionView } from "./views";

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** How long a session lasts without use, and how long in any case. */
export const idleMs = 14 * dayMs;
export const maxAgeDays = 60;
const maxAgeMs = maxAgeDays * dayMs;
/** The use of a session is recorded at most this often. */
const writeUseMs = 5 * minuteMs;
/** Per person. Signing in beyond this ends the session unused for longest. */
const maxSessions = 50;

const hashOf = (token: string) => createHash("sha256").update(token).digest("hex");
/**
 * Visitors' tokens are hashed in a way of their own: even a query that forgets to ask for full sessions only
 * never finds a visitor's, in this release or an older one.
 */
const visitorHash = (token: string) => hashOf(`visitor of a fix session ${token}`);
const isFull = isNull(sessions.fixSessionId);
const before = (now: Date, ms: number) => new Date(now.getTime() - ms);
const isAlive = (now: Date): SQL | undefined =>
  and(gt(sessions.lastUsedAt, before(now, idleMs)), gt(sessions.createdAt, before(now, maxAgeMs)));
const isDead = (now: Date): SQL | undefined =>
  or(lt(sessions.lastUsedAt, before(now, idleMs)), lt(sessions.createdAt, before(now, maxAgeMs)));

interface Session {
  id: string;
  user: User;
}

/** The session of someone whom a fix session's link signed in, for that fix session only. */
interface VisitorSession extends Session {
  fixSessionId: string;
  expiresAt: Date;
}

/** Stores a new session for a token that only the browser keeps. */
export async function startSession({
  token,
  userId,
  device,
  now,
}: {
  token: string;
  userId: string;
  device: string;
  now: Date;
}): Promise<void> {
  const db = await database();
  await db
    .insert(sessions)
    .values({ tokenHash: hashOf(token), userId, device, createdAt: now, lastUsedAt: now });
  await deleteEnded(userId, now);
}

/**
 * Deletes this person's ended and surplus sessions; retention deletes everyone else's (expired.ts). Skips
 * rows that another process is deleting, so that two sign-ins never wait for each other.
 */
async function deleteEnded(userId: string, now: Date): Promise<void> {
  const db = await database();
  const chosen = () => db.select({ id: sessions.id }).from(sessions).$dynamic();
  const skipLocked = { skipLocked: true } as const;
  const surplus = chosen()
    .where(and(eq(sessions.userId, userId), isFull))
    .orderBy(desc(sessions.lastUsedAt), desc(sessions.createdAt))
    .offset(maxSessions)
    .for("update", skipLocked);
  const own = chosen()
    .where(and(eq(sessions.userId, userId), isDead(now)))
    .for("update", skipLocked);
  for (const ended of [surplus, own]) await db.delete(sessions).where(inArray(sessions.id, ended));
}

/**
 * The session that a browser's token stands for, or null if it is unknown, revoked, unused for 14 days, or 60
 * days old, or if the person's account is being deleted. Reading it counts as using it.
 */
export async function readSession(token: string, now: Date): Promise<Session | null> {
  const db = await database();
  const [found] = await db
    .select({ id: sessions.id, lastUsedAt: sessions.lastUsedAt, userId: users.id, email: users.email })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(
      and(eq(sessions.tokenHash, hashOf(token)), isFull, isAlive(now), isNull(users.deletionRequestedAt)),
    );
  if (!found) return null;
  const { id, userId, email } = found;
  const due = before(now, writeUseMs);
  if (found.lastUsedAt < due)
    await db
      .update(sessions)
      .set({ lastUsedAt: now })
      .where(and(eq(sessions.id, id), lt(sessions.lastUsedAt, due)));
  return { id, user: { id: userId, email } };
}

/**
 * Stores a session for a visitor whom a fix session's link signs in. It ends at `expiresAt`, however it is
 * used.
 */
export async function startVisitorSession(
  tx: Transaction,
  {
    token,
    ...session
  }: Pick<typeof sessions.$inferInsert, "userId" | "device"> & {
    token: string;
    fixSessionId: string;
    expiresAt: Date;
    now: Date;
  },
): Promise<void> {
  const { now, ...rest } = session;
  await tx
    .insert(sessions)
    .values({ ...rest, tokenHash: visitorHash(token), createdAt: now, lastUsedAt: now });
}

/**
 * The visitor's session that a browser's token stands for, or null if it is unknown, has ended, or is a full
 * one, or if the person's account is being deleted.
 */
export async function readVisitorSession(token: string, now: Date): Promise<VisitorSession | null> {
  const db = await database();
  const { id, fixSessionId, expiresAt } = sessions;
  const [found] = await db
    .select({ id, fixSessionId, expiresAt, userId: users.id, email: users.email })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(
      and(
        eq(sessions.tokenHash, visitorHash(token)),
        isNotNull(fixSessionId),
        gt(expiresAt, now),
        isNull(users.deletionRequestedAt),
      ),
    );
  if (!found?.fixSessionId || !found.expiresAt) return null;
  const { userId, email } = found;
  return {
    id: found.id,
    user: { id: userId, email },
    fixSessionId: found.fixSessionId,
    expiresAt: found.expiresAt,
  };
}

/** A person's sessions, the most recently used first. */
export async function listSessions(userId: string, now: Date): Promise<SessionView[]> {
  const db = await database();
  const { id, device, createdAt, lastUsedAt } = sessions;
  return db
    .select({ id, device, createdAt, lastUsedAt })
    .from(sessions)
    .where(and(eq(sessions.userId, userId), isFull, isAlive(now)))
    .orderBy(desc(lastUsedAt), desc(createdAt))
    .limit(maxSessions);
}

/** Ends the session with this token; no request that arrives afterwards is signed in by it. */
export async function endSession(token: string, now = new Date()): Promise<void> {
  await end(and(inArray(sessions.tokenHash, [hashOf(token), visitorHash(token)]), isAlive(now)));
}

/** Ends one of a person's sessions. Does nothing if it is someone else's or has already ended. */
export async function revokeSession(userId: string, id: string): Promise<void> {
  await end(and(eq(sessions.userId, userId), eq(sessions.id, id)));
}

/** Ends all of a person's sessions except this one. */
export async function revokeOtherSessions(userId: string, id: string): Promise<void> {
  await end(and(eq(sessions.userId, userId), ne(sessions.id, id)));
}

/** Also announces it, so that open pages of an ended session sign out and its live streams end. */
async function end(which: SQL | undefined): Promise<void> {
  await transaction(async (tx) => {
    const [ended] = await tx.delete(sessions).where(which).returning({ userId: sessions.userId });
    if (ended) await recordChange(tx, ended.userId);
  });
  await announceChanges();
}
