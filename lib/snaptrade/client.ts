import "server-only";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { Snaptrade, SnaptradeAuth } from "snaptrade-typescript-sdk";
import { z } from "zod";
import { admit, recordLimits, recordRefusal } from "@/lib/budget";
import { env } from "@/lib/base/env";
import { describeError, log } from "@/lib/base/log";
import { refuseInShadow } from "@/lib/base/mode";
import { SnapTradeFailure, toFailure } from "./failure";
import { readLimits } from "./rate-limit";
import { createServerClock, type AnswerInterval } from "./server-clock";

/**
 * The SnapTrade user that a call is made for (docs/snaptrade.md §1.1). The secret is in the clear only during
 * a call.
 */
export interface SnapTradeCredentials {
  snapTradeUserId: string;
  userSecret: string;
}

/**
 * An answer, and the interval in which it was true at some moment: from request to answer, on SnapTrade's
 * clock.
 */
export interface Answer<T> extends AnswerInterval {
  data: T;
}

/** The calls that change nothing at SnapTrade; in shadow mode, all others are refused. */
const reads = new Set(["list", "detail", "accounts", "brokerages", "list users", "authorization types"]);

/** From the request to the last byte of the answer, including the wait for admission. */
const limitMs = 15_000;
/** Login links have been measured to take 8 to 46 seconds (docs/snaptrade.md §1.5). */
export const loginLimitMs = 60_000;
const maxAnswerBytes = 10 * 1024 * 1024;

export type Api = Snaptrade<ReturnType<typeof SnaptradeAuth.commercialApiKey>>;

let client: Api | undefined;
const intervalOf = createServerClock();

function snapTrade(): Api {
  client ??= new Snaptrade({
    auth: SnaptradeAuth.commercialApiKey({
      clientId: env().SNAPTRADE_CLIENT_ID,
      consumerKey: env().SNAPTRADE_CONSUMER_KEY,
    }),
    basePath: env().SNAPTRADE_API_URL,
    baseOptions: {
      // SnapTrade may close a kept connection at the moment of the next call, which then fails.
      httpAgent: new HttpAgent({ keepAlive: false }),
      httpsAgent: new HttpsAgent({ keepAlive: false }),
      maxRedirects: 0,
      maxContentLength: maxAnswerBytes,
      // A 429 must resolve; otherwise the SDK sleeps for 35 seconds and hides the headers (docs/snaptrade.md
      // §1.6).
      validateStatus: (status: number) => (status >= 200 && status < 300) || status === 429,
    },
  });
  return client;
}

interface SdkResponse {
  status: number;
  data: unknown;
  headers: object;
}

/**
 * The answer to a deletion: SnapTrade accepted it, whatever the body contains (docs/snaptrade.md §2.3,
 * §3.12).
 */
export const accepted = z.union([z.looseObject({}), z.literal("")]);

/** The SDK's second argument for each call, which makes the call end on time. */
export interface CallOptions {
  signal: AbortSignal;
}

interface CallTerms {
  /** The person whose share of the budget is charged; null for calls not tied to a person. */
  person?: string | null;
  withinMs?: number;
}

/**
 * Makes one call to SnapTrade once the budget admits it, and parses its answer with `shape`, all within
 * `withinMs` milliseconds.
 * @throws SnapTradeFailure for every kind of failure; AppError shadow-mode for a change in shadow mode
 */
export async function callSnapTrade<T>(
  operation: string,
  shape: z.ZodType<T>,
  call: (api: Api, options: CallOptions) => Promise<SdkResponse>,
  { person = null, withinMs = limitMs }: CallTerms = {},
): Promise<Answer<T>> {
  if (!reads.has(operation)) refuseInShadow();
  const deadline = startDeadline(operation, withinMs);
  try {
    const callId = await deadline.before(requireAdmission(operation, person));
    const startedAt = Date.now();
    const response = await deadline
      .before(call(snapTrade(), { signal: deadline.signal }))
      .catch(async (error: unknown) => {
        const failure = toFailure(operation, error);
        log.warn(
          { operation, kind: failure.kind, ...failure.details, ms: Date.now() - startedAt, ...cause(error) },
          "SnapTrade call failed",
        );
        // A call without an answer may still reach SnapTrade, so the budget keeps counting it as in flight.
        if (failure.details.status !== undefined) await updateBudget(deadline, () => recordLimits(callId));
        throw failure;
      });
    const header = headersOf(response);
    const date = timeOf(header("date"));
    const age = ageOf(header("age"));
    const interval = intervalOf(date, startedAt, Date.now(), age);
    const { retryAfterSeconds, ...limits } = readLimits(
      header,
      new Date(date === null ? Date.now() : date + age),
    );
    await updateBudget(deadline, () => recordLimits(callId, limits));
    const requestId = header("x-request-id");
    if (response.status === 429) {
      const waitSeconds = retryAfterSeconds ?? limits.resetSeconds;
      await updateBudget(deadline, () => recordRefusal(callId, waitSeconds));
      log.warn({ operation, requestId, retryAfterSeconds: waitSeconds }, "SnapTrade answered 429");
      throw new SnapTradeFailure("busy", operation, {
        status: 429,
        requestId,
        retryAfterSeconds: waitSeconds,
      });
    }
    const data = readAnswer(operation, shape, response, requestId);
    return { data, ...interval };
  } finally {
    deadline.clear();
  }
}

async function requireAdmission(operation: string, person: string | null): Promise<number> {
  const admission = await admit(person);
  if (admission.admitted) return admission.callId;
  const { retryAfterSeconds, limitedBy } = admission;
  log.warn({ operation, retryAfterSeconds, limitedBy }, "The budget did not admit a call to SnapTrade");
  throw new SnapTradeFailure("busy", operation, { retryAfterSeconds, limitedBy });
}

function readAnswer<T>(
  operation: string,
  shape: z.ZodType<T>,
  response: SdkResponse,
  requestId: string | undefined,
): T {
  const parsed = shape.safeParse(response.data);
  if (parsed.success) return parsed.data;
  const paths = parsed.error.issues.slice(0, 5).map((issue) => issue.path.join("."));
  log.error({ operation, requestId, paths }, "SnapTrade's answer has an unexpected shape");
  throw new SnapTradeFailure("unexpected-answer", operation, { status: response.status, requestId });
}

interface Deadline {
  signal: AbortSignal;
  /** The result of `work`, or a failure if time runs out first. */
  before: <T>(work: Promise<T>) => Promise<T>;
  clear: () => void;
}

/** The SDK's own timeout doesn't end an answer that trickles in (docs/snaptrade.md §1.4). */
function startDeadline(operation: string, withinMs: number): Deadline {
  const controller = new AbortController();
  let give: (failure: SnapTradeFailure) => void = () => undefined;
  const over = new Promise<never>((_, reject) => (give = reject));
  over.catch(() => undefined);
  const timer = setTimeout(() => {
    give(new SnapTradeFailure("away", operation));
    controller.abort();
  }, withinMs);
  return {
    signal: controller.signal,
    before: (work) => Promise.race([over, work]),
    clear: () => clearTimeout(timer),
  };
}

/**
 * SnapTrade's result counts even if the budget could not be updated; the budget corrects itself within a
 * minute.
 */
async function updateBudget(deadline: Deadline, write: () => Promise<void>): Promise<void> {
  await deadline
    .before(write())
    .catch((error: unknown) => log.warn(describeError(error), "The budget could not be updated"));
}

function headersOf(response: SdkResponse) {
  return (name: string): string | undefined => {
    const value: unknown = Reflect.get(response.headers, name);
    return typeof value === "string" ? value : undefined;
  };
}

/** In milliseconds; null if the header is missing or unreadable. */
function timeOf(date: string | undefined): number | null {
  const time = date ? Date.parse(date) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}

/** In milliseconds; zero unless the header is a whole number of seconds. */
function ageOf(age: string | undefined): number {
  return age && /^\d{1,7}$/.test(age) ? Number(age) * 1_000 : 0;
}

/** An error that isn't SnapTrade's or the network's is a bug of ours, and its stack shows where. */
function cause(error: unknown) {
  return error instanceof TypeError ? describeError(error) : {};
}
