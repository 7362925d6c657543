import "server-only";
import { createHmac } from "node:crypto";
import { and, eq, isNull, lt } from "drizzle-orm";
import { env } from "@/lib/base/env";
import { describeError, log } from "@/lib/base/log";
import { database } from "@/lib/db/client";
import { deleteOldest } from "@/lib/db/delete-oldest";
import { apiRequests } from "@/lib/db/schema/api";
import { getUserByExternalId } from "@/lib/people/find";
import { openSecret, sealSecret } from "@/lib/snaptrade/user-secret";
import { ApiProblem } from "./operation";

/** How long a repeated request gets the first one's answer. */
const keepMs = 24 * 3_600_000;
/** Longer than any request takes. After that, the process that had it is considered dead. */
const lockMs = 60_000;

export interface StoredAnswer {
  status: number;
  body: string;
}

/** "first": carry it out under this id, then store or release it. */
type Claim = { state: "first"; requestId: string } | { state: "repeated"; answer: StoredAnswer };

const keyed = (...parts: string[]) =>
  createHmac("sha256", env().NEXTAUTH_SECRET).update(JSON.stringify(parts)).digest("base64url");

/**
 * Takes a request for this process, unless one with the same Idempotency-Key was carried out before.
 * @param request everything that makes it the same request: method, path, query, and body
 * @throws ApiProblem if that key was used for another request, or the first is still running
 */
export async function claimRequest(
  apiKeyId: string,
  idempotencyKey: string,
  request: string[],
  now: Date,
): Promise<Claim> {
  const db = await database();
  const requestHash = keyed("request", ...request);
  const idempotencyHash = keyed("idempotency key", idempotencyKey);
  const lockedUntil = new Date(now.getTime() + lockMs);
  const [mine] = await db
    .insert(apiRequests)
    .values({ apiKeyId, idempotencyHash, requestHash, createdAt: now, lockedUntil })
    .onConflictDoUpdate({
      target: [apiRequests.apiKeyId, apiRequests.idempotencyHash],
      set: { lockedUntil },
      setWhere: and(
        isNull(apiRequests.status),
        lt(apiRequests.lockedUntil, now),
        eq(apiRequests.requestHash, requestHash),
      ),
    })
    .returning({ id: apiRequests.id });
  if (mine) return { state: "first", requestId: mine.id };

  const [known] = await db
    .select()
    .from(apiRequests)
    .where(and(eq(apiRequests.apiKeyId, apiKeyId), eq(apiRequests.idempotencyHash, idempotencyHash)));
  if (known && known.requestHash !== requestHash) throw new ApiProblem("idempotency-key-reused");
  if (!known?.status || !known.sealedAnswer) throw new ApiProblem("still-running", { retryAfterSeconds: 5 });
  return {
    state: "repeated",
    answer: { status: known.status, body: openAnswer(known.sealedAnswer, known.id) },
  };
}

/** The answer can't be opened once the key that sealed it is gone from ENCRYPTION_KEYS. */
function openAnswer(sealed: string, id: string): string {
  try {
    return openSecret(sealed, id);
  } catch {
    throw new ApiProblem("answer-lost");
  }
}

/**
 * Keeps the answer of a request that succeeded, until the person it is about is deleted. If that fails, a
 * repeated request is carried out again.
 * @param externalId of that person; null if the answer is about nobody
 */
export async function storeAnswer(
  id: string,
  { status, body }: StoredAnswer,
  externalId: string | null,
): Promise<void> {
  try {
    const person = externalId === null ? null : await getUserByExternalId(externalId);
    if (externalId !== null && !person) return;
    const db = await database();
    await db
      .update(apiRequests)
      .set({ status, sealedAnswer: sealSecret(body, id), userId: person?.userId ?? null })
      .where(and(eq(apiRequests.id, id), isNull(apiRequests.status)));
  } catch (error) {
    log.error(describeError(error), "The answer of an API request could not be stored");
  }
}

/** Lets a request that failed be repeated at once, instead of when its lock ends. */
export async function releaseRequest(id: string, now: Date): Promise<void> {
  const db = await database();
  await db
    .update(apiRequests)
    .set({ lockedUntil: new Date(now.getTime() - 1) })
    .where(and(eq(apiRequests.id, id), isNull(apiRequests.status)))
    .catch((error: unknown) => log.warn(describeError(error), "An API request stays locked for a minute"));
}

/** Deletes requests that nobody repeats anymore, with their answers. */
export function deleteOldApiRequests(now: Date): Promise<number> {
  const { createdAt } = apiRequests;
  return deleteOldest(apiRequests, createdAt, lt(createdAt, new Date(now.getTime() - keepMs)));
}
