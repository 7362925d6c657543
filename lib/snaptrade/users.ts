import "server-only";
import { z } from "zod";
import { accepted, callSnapTrade, type SnapTradeCredentials } from "./client";

const registered = z.object({ userSecret: z.string().min(1) });

/**
 * Registers a user under an id that was never used before (docs/snaptrade.md §2.1, §2.2). After any failure
 * the id is spent: the user may exist with its secret lost.
 * @param person whose share of the budget is charged; retries pass the same key
 * @throws SnapTradeFailure
 */
export async function registerSnapTradeUser(
  snapTradeUserId: string,
  person: string,
): Promise<SnapTradeCredentials> {
  const { data } = await callSnapTrade(
    "register",
    registered,
    (api, options) => api.authentication.registerSnapTradeUser({ userId: snapTradeUserId }, options),
    { person },
  );
  return { snapTradeUserId, userSecret: data.userSecret };
}

/**
 * Asks SnapTrade for a new secret (docs/snaptrade.md §2.6). This ends the old one, and only this answer
 * contains the new one, so after any failure that isn't a refusal the secret may be lost.
 * @throws SnapTradeFailure
 */
export async function resetSnapTradeUserSecret({
  snapTradeUserId: userId,
  userSecret,
}: SnapTradeCredentials): Promise<string> {
  const { data } = await callSnapTrade(
    "reset secret",
    registered,
    (api, options) => api.authentication.resetSnapTradeUserSecret({ userId, userSecret }, options),
    { person: userId },
  );
  return data.userSecret;
}

const userIds = z.array(z.string());
/** An answer about a hundred thousand users has four megabytes. */
const listWithinMs = 60_000;

/**
 * The ids of all users that our key has registered, in one answer (docs/snaptrade.md §2.7).
 * @throws SnapTradeFailure
 */
export async function listSnapTradeUsers(): Promise<string[]> {
  const { data } = await callSnapTrade(
    "list users",
    userIds,
    (api, options) => api.authentication.listSnapTradeUsers(options),
    { withinMs: listWithinMs },
  );
  return data;
}

/**
 * Asks SnapTrade to permanently delete a user; SnapTrade queues this and does it later (docs/snaptrade.md
 * §2.3).
 * @throws SnapTradeFailure
 */
export async function deleteSnapTradeUser(snapTradeUserId: string): Promise<void> {
  await callSnapTrade(
    "delete user",
    accepted,
    (api, options) => api.authentication.deleteSnapTradeUser({ userId: snapTradeUserId }, options),
    {
      person: snapTradeUserId,
    },
  );
}
