import "server-only";
import { z } from "zod";
import { callSnapTrade, type SnapTradeCredentials } from "./client";

const registered = z.object({ userId: z.string(), userSecret: z.string().min(1) });

/**
 * Registers a user under an id that was never used before (FACTS 2). After any failure the id is spent: the user may exist and its secret be lost.
 * @throws SnapTradeFailure
 */
export async function registerSnapTradeUser(snapTradeUserId: string): Promise<SnapTradeCredentials> {
  const { data } = await callSnapTrade("register", registered, (api) => api.authentication.registerSnapTradeUser({ userId: snapTradeUserId }));
  return { snapTradeUserId, userSecret: data.userSecret };
}

/**
 * Asks SnapTrade to delete a user for good; done when SnapTrade gets to it (FACTS 2).
 * @throws SnapTradeFailure
 */
export async function deleteSnapTradeUser(snapTradeUserId: string): Promise<void> {
  await callSnapTrade("delete user", z.looseObject({}), (api) => api.authentication.deleteSnapTradeUser({ userId: snapTradeUserId }));
}
