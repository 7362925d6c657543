import "server-only";
import { Snaptrade, SnaptradeAuth } from "snaptrade-typescript-sdk";
import type { z } from "zod";
import { admit, noteLimits, noteRefusal } from "@/lib/budget";
import { env } from "@/lib/env";
import { describeError, log } from "@/lib/log";
import { SnapTradeFailure, toFailure } from "./failure";
import { createServerClock, type AnswerInterval } from "./server-clock";

/** Who a user-scoped call is made for (FACTS 1.1). The secret exists in the clear only while a call is made. */
export interface SnapTradeCredentials {
  snapTradeUserId: string;
  userSecret: string;
}

/** One answer, with the interval in which it was true at some moment: from the question to the answer, on SnapTrade's own clock. */
export interface Answer<T> extends AnswerInterval {
  data: T;
}

const readTimeoutMs = 15_000;
/** Login links were seen to take 8 to 46 seconds (FACTS 1.6). */
export const loginTimeoutMs = 60_000;

type Api = Snaptrade<ReturnType<typeof SnaptradeAuth.commercialApiKey>>;

let client: Api | undefined;
const intervalOf = createServerClock();

function snapTrade(): Api {
  client ??= new Snaptrade({
    auth: SnaptradeAuth.commercialApiKey({ clientId: env().SNAPTRADE_CLIENT_ID, consumerKey: env().SNAPTRADE_CONSUMER_KEY }),
    basePath: env().SNAPTRADE_API_URL,
    baseOptions: {
      timeout: readTimeoutMs,
      maxRedirects: 0,
      // A 429 must resolve: otherwise the SDK sleeps for 35 seconds and hides the headers (FACTS 1.7).
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
 * Makes one call to SnapTrade, when the budget admits it, and reads its answer by `shape`.
 * @throws SnapTradeFailure for everything that goes wrong
 */
export async function callSnapTrade<T>(operation: string, shape: z.ZodType<T>, call: (api: Api) => Promise<SdkResponse>): Promise<Answer<T>> {
  const admission = await admit();
  if (!admission.admitted) throw new SnapTradeFailure("busy", operation, { retryAfterSeconds: admission.retryAfterSeconds });
  const startedAt = Date.now();
  const response = await call(snapTrade()).catch((error: unknown) => {
    const failure = toFailure(operation, error);
    log.warn({ operation, kind: failure.kind, ...failure.details, ms: Date.now() - startedAt, ...cause(error) }, "SnapTrade call failed");
    throw failure;
  });
  const receivedAt = Date.now();
  const header = headersOf(response);
  const requestId = header("x-request-id");
  const limits = { limit: numberOf(header("x-ratelimit-limit")), remaining: numberOf(header("x-ratelimit-remaining")) };
  const resetSeconds = numberOf(header("x-ratelimit-reset"));
  await noteLimits({ ...limits, resetSeconds });
  if (response.status === 429) {
    const retryAfterSeconds = resetSeconds ?? numberOf(header("retry-after")) ?? 60;
    await noteRefusal(retryAfterSeconds);
    log.warn({ operation, requestId, retryAfterSeconds }, "SnapTrade is busy");
    throw new SnapTradeFailure("busy", operation, { status: 429, requestId, retryAfterSeconds });
  }
  const parsed = shape.safeParse(response.data);
  if (!parsed.success) {
    const paths = parsed.error.issues.slice(0, 5).map((issue) => issue.path.join("."));
    log.error({ operation, requestId, paths }, "SnapTrade answered in an unknown shape");
    throw new SnapTradeFailure("unexpected-answer", operation, { status: response.status, requestId });
  }
  return { data: parsed.data, ...intervalOf(timeOf(header("date")), startedAt, receivedAt) };
}

function headersOf(response: SdkResponse) {
  return (name: string): string | undefined => {
    const value: unknown = Reflect.get(response.headers, name);
    return typeof value === "string" ? value : undefined;
  };
}

function numberOf(text: string | undefined): number | undefined {
  const number = text === undefined ? Number.NaN : Number(text);
  return Number.isFinite(number) && number >= 0 ? number : undefined;
}

const timeOf = (date: string | undefined): number | null => (date ? Date.parse(date) : null);

/** An error that is not SnapTrade's or the network's is a defect of ours, and its frames tell where. */
function cause(error: unknown) {
  return error instanceof TypeError ? describeError(error) : {};
}
