import "server-only";
import { randomUUID } from "node:crypto";
import { and, eq, sql } from "drizzle-orm";
import { findFormers } from "@/lib/account/former-users";
import { AppError } from "@/lib/base/errors";
import { inBackground } from "@/lib/budget";
import { readConnections, type Answer } from "@/lib/connections/look/read";
import { recordAnswerWithin } from "@/lib/connections/look/record";
import { boundTo, requireStaying } from "@/lib/connections/observations/snaptrade-user";
import { hasWorking } from "@/lib/connections/observations/watched";
import { transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { hasState } from "@/lib/db/errors";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { announceChanges, recordChange } from "@/lib/live";
import { keepOldBreaksQuiet } from "@/lib/notifications/record";
import { SnapTradeFailure, type FailureKind } from "@/lib/snaptrade/failure";
import { openSecret, sealSecret } from "@/lib/snaptrade/user-secret";
import { findStanding, type Conflict, type Standing } from "./find";
import type { AdoptablePerson } from "./person";
import { compareDetails, insertUser, saveDetails } from "./save";

export type Rejection =
  | Conflict
  /** SnapTrade doesn't accept this secret for this user, or doesn't know the user. */
  | "secret-refused"
  /** SnapTrade refused to list the connections for another reason. */
  | "refused"
  /** SnapTrade's answer has a form that we don't know. */
  | "unreadable-answer";

export type Adoption =
  /** "updated": the secret or the person's details were new. */
  { result: "adopted" | "updated" | "unchanged"; userId: string } | { result: "rejected"; reason: Rejection };

const maxRaces = 3;
/** The timer's next look, so that people who were just read don't crowd out the others. */
const nextLookMs = 86_400_000;

/**
 * Takes over the SnapTrade user that the company has registered for a person: one read in the background's
 * budget verifies the secret, and its answer is recorded in the same transaction that creates the person. So
 * each person exists once and whole, whatever runs at the same time or crashes. The same person again changes
 * nothing and asks SnapTrade nothing, unless SnapTrade refused or deleted their user since. Breaks that are already there send no e-mail.
 * @param now our clock
 * @param verifyOnly makes the same checks and the same read, and stores nothing
 * @param beforeRead waits until SnapTrade may be asked
 * @throws SnapTradeFailure "busy", "away", or "key-refused"; then nothing happened, so try again later
 */
export async function adoptUser(
  person: AdoptablePerson,
  now: Date,
  { verifyOnly = false, beforeRead }: { verifyOnly?: boolean; beforeRead?: () => Promise<void> } = {},
): Promise<Adoption> {
  let answer: Answer | undefined;
  const newUserId = randomUUID();
  for (let race = 0; race < maxRaces; race++) {
    const standing = await findStanding(person);
    if (standing.conflict) return { result: "rejected", reason: standing.conflict };
    if (isAdopted(standing, person) && standing.own)
      return verifyOnly ? compareDetails(standing.own, person) : saveDetails(standing.own.userId, person);
    const userId = standing.own?.userId ?? newUserId;
    try {
      if (!answer) await beforeRead?.();
      answer ??= await inBackground(() => readConnections(userId, person));
    } catch (error) {
      return { result: "rejected", reason: rejectionOf(error) };
    }
    const result = standing.own?.snapTradeUserId ? "updated" : "adopted";
    if (verifyOnly) return { result, userId };
    const stored = await store(standing, person, { userId, answer }, now);
    if (!stored) continue;
    const details = standing.own ? await saveDetails(userId, person) : null;
    if (details?.result === "rejected") return details;
    return { result, userId };
  }
  throw new Error("A person changed several times while being adopted");
}

/** Whether this SnapTrade user is already this person's, with this secret, and nothing has spoken against it. */
function isAdopted({ own }: Standing, { snapTradeUserId, userSecret }: AdoptablePerson): boolean {
  if (own?.snapTradeUserId !== snapTradeUserId || !own.sealedSecret || own.goneAt) return false;
  try {
    return openSecret(own.sealedSecret, boundTo(own.userId, snapTradeUserId)) === userSecret;
  } catch {
    // Sealed under a key that we no longer have; the company's copy replaces it.
    return false;
  }
}

const passedOn: FailureKind[] = ["busy", "away", "key-refused"];

/** @throws the error itself if it says nothing about this person */
function rejectionOf(error: unknown): Rejection {
  if (!(error instanceof SnapTradeFailure)) throw error;
  // "0000" may mean an unknown user (docs/snaptrade.md §1.9).
  const { kind, details } = error;
  if (kind === "user-refused" || (kind === "key-refused" && details.code === "0000")) return "secret-refused";
  if (passedOn.includes(kind)) throw error;
  return kind === "unexpected-answer" ? "unreadable-answer" : "refused";
}

class Overtaken extends Error {}

/** @returns false if another request changed this person in the meantime; then nothing was stored */
async function store(
  { own }: Standing,
  person: AdoptablePerson,
  read: { userId: string; answer: Answer },
  now: Date,
): Promise<boolean> {
  try {
    await transaction((tx) => (own?.snapTradeUserId ? renew : create)(tx, own, person, read, now));
  } catch (error) {
    // An AppError says that the person has begun to leave, a missing row that they have left.
    const isOvertaken = error instanceof Overtaken || error instanceof AppError || hasState(error, /^23503$/);
    if (isOvertaken) return false;
    throw error;
  }
  await announceChanges();
  return true;
}

/**
 * No other transaction waits for a row that this one has just inserted, except to insert the same person, so
 * these may be locked first (docs/decisions/0010).
 */
async function create(
  tx: Transaction,
  own: Standing["own"],
  person: AdoptablePerson,
  { userId, answer }: { userId: string; answer: Answer },
  now: Date,
): Promise<void> {
  if (!own && !(await insertUser(tx, person, userId))) throw new Overtaken();
  const { snapTradeUserId, userSecret } = person;
  const [stored] = await tx
    .insert(snapTradeUsers)
    .values({
      userId,
      snapTradeUserId,
      sealedSecret: sealSecret(userSecret, boundTo(userId, snapTradeUserId)),
      registeredAt: now,
      adoptedAt: now,
      nextLookAt: new Date(now.getTime() + nextLookMs),
      watched: hasWorking(userId),
    })
    .onConflictDoNothing()
    .returning({ userId: snapTradeUsers.userId });
  if (!stored || (await isFormer(tx, snapTradeUserId))) throw new Overtaken();
  await recordAnswerWithin(tx, userId, answer, now, "timer");
  await keepOldBreaksQuiet(tx, userId);
  await recordChange(tx, userId);
  if (own) await requireStaying(tx, userId);
}

/** The insert waits for whoever is giving this SnapTrade user up, so only now it is certain. */
async function isFormer(tx: Transaction, snapTradeUserId: string): Promise<boolean> {
  return (await findFormers(tx, [snapTradeUserId])).size > 0;
}

/** Replaces the secret with the one that SnapTrade has just accepted, unless it changed since it was read. */
async function renew(
  tx: Transaction,
  own: Standing["own"],
  { snapTradeUserId, userSecret }: AdoptablePerson,
  { userId, answer }: { userId: string; answer: Answer },
  now: Date,
): Promise<void> {
  await recordAnswerWithin(tx, userId, answer, now, "timer");
  const isUnchanged = and(
    eq(snapTradeUsers.snapTradeUserId, snapTradeUserId),
    eq(snapTradeUsers.sealedSecret, own?.sealedSecret ?? ""),
  );
  // A company may register the same SnapTrade user again after deleting it.
  const isOver = sql`${snapTradeUsers.goneAt} < ${answer.askedAt.toISOString()}::timestamptz`;
  const [stored] = await tx
    .update(snapTradeUsers)
    .set({
      sealedSecret: sealSecret(userSecret, boundTo(userId, snapTradeUserId)),
      goneAt: sql`case when ${isOver} then null else ${snapTradeUsers.goneAt} end`,
      goneReason: sql`case when ${isOver} then null else ${snapTradeUsers.goneReason} end`,
    })
    .where(and(eq(snapTradeUsers.userId, userId), isUnchanged))
    .returning({ userId: snapTradeUsers.userId });
  if (!stored) throw new Overtaken();
  await recordChange(tx, userId);
}
