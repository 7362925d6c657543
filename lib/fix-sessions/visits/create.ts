import "server-only";
import { and, asc, desc, eq, inArray, isNull, sql } from "drizzle-orm";
import { AppError } from "@/lib/base/errors";
import { refuseInShadow } from "@/lib/base/mode";
import { requireStaying } from "@/lib/connections/observations/snaptrade-user";
import { database, transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { brokerages, connections } from "@/lib/db/schema/connections";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { end } from "@/lib/fix-sessions/ending/end";
import { needsPerson } from "@/lib/fix-sessions/ending/needs";
import { makeLink } from "@/lib/fix-sessions/links/make";
import { isReturnUrl } from "@/lib/fix-sessions/links/return-url";
import { announceChanges } from "@/lib/live";

/** How long a link lives, in seconds: at least, at most, and if nobody says. */
export const expiresInSeconds = { least: 60, most: 30 * 86_400, usual: 7 * 86_400 };
/** Per person. Making more ends the oldest, so that what nobody uses doesn't pile up. */
const maxOpen = 20;

interface NewSession {
  /** The same for a repeated request, which makes no second session. */
  id?: string;
  userId: string;
  returnUrl?: string | null;
  expiresInSeconds?: number;
  locale?: string | null;
  /** The link signs the person in for this session only, once. */
  signIn?: boolean;
  now: Date;
}

interface MadeSession {
  id: string;
  /** Contains a secret that is stored nowhere. */
  url: string;
  expiresAt: Date;
}

/**
 * Makes a link that leads a person through repairing one connection, or everything that needs them.
 * @throws AppError shadow-mode, not-found, account-deleting, being-removed, not-broken, cannot-reconnect,
 * nothing-to-reconnect, return-url-not-allowed, or invalid-input for a time out of bounds
 */
export async function createFixSession({
  connectionId = null,
  ...session
}: NewSession & { connectionId?: string | null }): Promise<MadeSession> {
  refuseInShadow();
  const db = await database();
  await requireStaying(db, session.userId);
  if (connectionId) await requireRepairable(db, session.userId, connectionId);
  else await requireAnyBroken(db, session.userId);
  return make(session, { kind: "fix", connectionId });
}

/**
 * Makes a link that leads a person through connecting a brokerage, or the one they choose. Whether there is
 * something to repair there instead is decided when they come, because it may change until then.
 * @throws AppError shadow-mode, not-found, account-deleting, brokerage-unknown, brokerage-unavailable,
 * return-url-not-allowed, or invalid-input for a time out of bounds
 */
export async function createConnectSession({
  brokerage: slug = null,
  ...session
}: NewSession & { brokerage?: string | null }): Promise<MadeSession> {
  refuseInShadow();
  const db = await database();
  await requireStaying(db, session.userId);
  const [brokerage] = slug
    ? await db.select().from(brokerages).where(eq(brokerages.slug, slug)).orderBy(asc(brokerages.id)).limit(1)
    : [];
  if (slug && !brokerage) throw new AppError("brokerage-unknown");
  if (brokerage && !brokerage.enabled) throw new AppError("brokerage-unavailable");
  return make(session, { kind: "connect", brokerageId: brokerage?.id ?? null });
}

async function requireRepairable(db: Db, userId: string, connectionId: string): Promise<void> {
  const [found] = await db
    .select({
      state: connections.state,
      removalRequestedAt: connections.removalRequestedAt,
      enabled: brokerages.enabled,
    })
    .from(connections)
    .innerJoin(brokerages, eq(brokerages.id, connections.brokerageId))
    .where(and(eq(connections.userId, userId), eq(connections.id, connectionId)));
  if (!found || found.state === "deleted") throw new AppError("not-found");
  if (found.removalRequestedAt) throw new AppError("being-removed");
  if (found.state === "enabled") throw new AppError("not-broken");
  if (!found.enabled) throw new AppError("cannot-reconnect");
}

async function requireAnyBroken(db: Db, userId: string): Promise<void> {
  const [any] = await db
    .select({ id: connections.id })
    .from(connections)
    .innerJoin(brokerages, eq(brokerages.id, connections.brokerageId))
    .where(and(eq(connections.userId, userId), needsPerson))
    .limit(1);
  if (!any) throw new AppError("nothing-to-reconnect");
}

type Db = Pick<Transaction, "select">;

async function make(
  {
    id,
    userId,
    returnUrl = null,
    expiresInSeconds: seconds = expiresInSeconds.usual,
    locale = null,
    signIn = false,
    now,
  }: NewSession,
  purpose: Pick<typeof fixSessions.$inferInsert, "kind" | "connectionId" | "brokerageId">,
): Promise<MadeSession> {
  if (!(seconds >= expiresInSeconds.least && seconds <= expiresInSeconds.most))
    throw new AppError("invalid-input");
  if (returnUrl !== null && !isReturnUrl(returnUrl)) throw new AppError("return-url-not-allowed");
  const expiresAt = new Date(now.getTime() + seconds * 1_000);
  const made = await transaction(async (tx) => {
    const link = await makeLink(tx, {
      ...purpose,
      id,
      userId,
      origin: "api",
      returnUrl: returnUrl === null ? null : new URL(returnUrl).href,
      locale,
      signsIn: signIn,
      createdAt: now,
      expiresAt,
    });
    await replaceOldest(tx, userId, now);
    return link;
  });
  await announceChanges();
  return { ...made, expiresAt };
}

async function replaceOldest(tx: Transaction, userId: string, now: Date): Promise<void> {
  const { id, createdAt, outcome, origin } = fixSessions;
  const surplus = await tx
    .select({ id })
    .from(fixSessions)
    .where(and(eq(fixSessions.userId, userId), isNull(outcome), eq(origin, "api")))
    .orderBy(desc(createdAt), desc(id))
    .offset(maxOpen);
  if (surplus.length === 0) return;
  const ids = surplus.map((one) => one.id);
  await end(tx, sql`${inArray(id, ids)}`, now, "replaced");
}
