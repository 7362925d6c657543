import "server-only";
import { z } from "zod";
import { AppError } from "@/lib/base/errors";
import { describeError, log } from "@/lib/base/log";
import { TimeLimitExceeded, withinTime } from "@/lib/base/time-limit";
import { isRefusal, isTooSlow } from "@/lib/db/errors";
import { takeAndMeasure, type Taken } from "@/lib/limits";
import { problemAnswer } from "@/lib/server/problem";
import { readBody } from "@/lib/server/read-body";
import { SnapTradeFailure } from "@/lib/snaptrade/failure";
import { problemOf } from "./domain-errors";
import { claimRequest, releaseRequest, storeAnswer, type StoredAnswer } from "./idempotency";
import { readApiKey, type ApiKey } from "./keys";
import { findOperation } from "./match";
import { ApiProblem, type Operation } from "./operation";
import { parseRequest } from "./parse";

/** As much as the gate lets through. */
const maxBodyBytes = 64 * 1024;
/** Shorter than the lock of a repeatable request, and than what clients usually wait. */
const workMs = 25_000;
const retryAfterSeconds = 5;

/**
 * Answers any request to `/api/v1`: key, limit, operation, scope, size, input, idempotency, work, answer, in
 * this order. Every failure is a problem as RFC 9457 describes it. Never throws.
 */
export async function handle(request: Request, operations: Operation[], now = new Date()): Promise<Response> {
  const headers = new Headers({ "Content-Type": "application/json", "Cache-Control": "no-store" });
  try {
    const key = await readApiKey(request.headers.get("Authorization"), now);
    if (!key) throw new ApiProblem("no-key");
    await limit(key, headers, now);
    const found = findOperation(operations, request.method, pathOf(request));
    if ("allowed" in found) {
      headers.set("Allow", found.allowed.join(", "));
      throw new ApiProblem("method-not-allowed");
    }
    const { operation, params } = found;
    if (!key.scopes.includes(operation.scope))
      throw new ApiProblem("missing-scope", { detail: `This needs the scope ${operation.scope}.` });
    const bytes = await readBody(request, maxBodyBytes);
    if (!bytes) throw new ApiProblem("too-large", { detail: "A body can be at most 64 KiB." });
    const input = parseRequest(operation, request, params, bytes);
    const run = (requestId: string) => perform(operation, { ...input, now, key, requestId });
    const { status, body } = await once(
      operation,
      request,
      bytes,
      key,
      now,
      headers,
      personIn(operation, input),
      run,
    );
    return new Response(body === "" ? null : body, { status, headers });
  } catch (error) {
    return failure(error, headers);
  }
}

/** The path below /api/v1, as it was sent. */
const pathOf = ({ url }: Request) => new URL(url).pathname.replace(/^\/api\/v1/, "");

/** Counts the request for its key, and says in the headers what is left (draft-ietf-httpapi-ratelimit-headers). */
async function limit(key: ApiKey, headers: Headers, now: Date): Promise<void> {
  const taken = await takeAndMeasure("api request by key", key.id, now);
  headers.set("RateLimit-Policy", `"key";q=${taken.burst};w=${taken.windowSeconds}`);
  headers.set("RateLimit", `"key";r=${taken.left};t=${fullAgainAfter(taken)}`);
  if (taken.waitSeconds > 0)
    throw new ApiProblem("too-many-requests", { retryAfterSeconds: taken.waitSeconds });
}

const fullAgainAfter = ({ left, burst, windowSeconds }: Taken) =>
  Math.ceil(((burst - left) / burst) * windowSeconds);

/**
 * The external id of the person whom an answer is about, from the request's path or from `user` in its body.
 * Null for a deletion: its answer says nothing about the person, and stays.
 */
function personIn(
  { method }: Operation,
  { params, body }: { params: unknown; body: unknown },
): string | null {
  if (method === "DELETE") return null;
  const named = z
    .union([z.object({ externalId: z.string() }), z.object({ user: z.string() })])
    .safeParse({ ...(body ?? {}), ...(params ?? {}) });
  if (!named.success) return null;
  return "externalId" in named.data ? named.data.externalId : named.data.user;
}

/** Carries out a write only once for each Idempotency-Key. */
async function once(
  { method }: Operation,
  request: Request,
  bytes: Buffer,
  key: ApiKey,
  now: Date,
  headers: Headers,
  person: string | null,
  run: (requestId: string) => Promise<StoredAnswer>,
): Promise<StoredAnswer> {
  const given = request.headers.get("Idempotency-Key");
  if (method === "GET") return run(crypto.randomUUID());
  if (given === null) {
    if (method === "POST") throw new ApiProblem("idempotency-key-missing");
    return run(crypto.randomUUID());
  }
  if (!/^[\x20-\x7e]{1,255}$/.test(given))
    throw new ApiProblem("invalid-request", {
      errors: [{ at: "Idempotency-Key", detail: "Must be 1 to 255 printable ASCII characters" }],
    });
  const { pathname, search } = new URL(request.url);
  const same = [method, pathname, search, bytes.toString("base64")];
  const claim = await claimRequest(key.id, given, same, now);
  if (claim.state === "repeated") {
    headers.set("Idempotency-Replayed", "true");
    return claim.answer;
  }
  try {
    const answer = await run(claim.requestId);
    await storeAnswer(claim.requestId, answer, person);
    return answer;
  } catch (error) {
    // Work that took too long may still be running, so it keeps its lock.
    if (!(error instanceof TimeLimitExceeded)) await releaseRequest(claim.requestId, now);
    throw error;
  }
}

async function perform(
  { work, answers }: Operation,
  context: Parameters<Operation["work"]>[0],
): Promise<StoredAnswer> {
  const { status, body } = await withinTime(workMs, () => work(context));
  const schema = answers[status];
  return { status, body: schema ? JSON.stringify(z.encode(schema, body)) : "" };
}

function failure(error: unknown, headers: Headers): Response {
  const { code, details } = asProblem(error);
  const answer = problemAnswer(code, details);
  for (const [name, value] of Object.entries(answer.headers)) headers.set(name, value);
  return new Response(answer.body, { status: answer.status, headers });
}

function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof AppError) return problemOf(error);
  if (error instanceof SnapTradeFailure)
    return new ApiProblem("unavailable", {
      detail: "SnapTrade isn’t answering as expected.",
      retryAfterSeconds,
    });
  log.error(describeError(error), "An API request ended unexpectedly");
  const mayEnd = isTooSlow(error) || isAway(error);
  return mayEnd ? new ApiProblem("unavailable", { retryAfterSeconds }) : new ApiProblem("unexpected");
}

/** The database is away or refuses to write. */
const isAway = (error: unknown) =>
  error instanceof Error && error.name === "DrizzleQueryError" && !isRefusal(error);
