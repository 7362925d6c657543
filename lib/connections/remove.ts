import "server-only";
import { and, eq, ne } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema";
import { AppError } from "@/lib/errors";
import { deleteConnection } from "@/lib/snaptrade/connections";
import { SnapTradeFailure } from "@/lib/snaptrade/failure";
import { toRefusal } from "./refusals";
import { getSnapTradeCredentials } from "./snaptrade-user";

const own = (userId: string, connectionId: string) =>
  and(eq(connections.userId, userId), eq(connections.id, connectionId), ne(connections.state, "deleted"));

/**
 * Asks SnapTrade to delete a connection of this person. It is "being removed" until a look or an event says that it is gone (FACTS 5.5).
 * @throws AppError not-found, or what SnapTrade's refusal means; then nothing was changed
 */
export async function requestRemoval(userId: string, connectionId: string, now: Date): Promise<void> {
  const db = await database();
  const [connection] = await db.select({ removalRequestedAt: connections.removalRequestedAt }).from(connections).where(own(userId, connectionId));
  const credentials = await getSnapTradeCredentials(userId);
  if (!connection || !credentials) throw new AppError("not-found");
  if (connection.removalRequestedAt) return;
  await deleteConnection(credentials, connectionId).catch((error: unknown) => {
    // Gone already: the next look says so.
    if (error instanceof SnapTradeFailure && error.kind === "not-found") return;
    throw toRefusal(error);
  });
  await db.update(connections).set({ removalRequestedAt: now }).where(own(userId, connectionId));
}

/**
 * The person wants this stopped connection to stay beside a newer one at the same brokerage; it is not pointed out again.
 * @throws AppError not-found
 */
export async function keepBeside(userId: string, connectionId: string, now: Date): Promise<void> {
  const db = await database();
  const kept = await db.update(connections).set({ keptBesideAt: now }).where(own(userId, connectionId)).returning({ id: connections.id });
  if (kept.length === 0) throw new AppError("not-found");
}
