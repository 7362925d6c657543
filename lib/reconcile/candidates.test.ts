import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { portalSessions } from "@/lib/db/schema/portal";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { makeConnections } from "@/lib/testing/webhooks";
import { listCandidates } from "@/lib/reconcile/candidates";

withDatabase();

const now = new Date();
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1_000);

test("people in the portal are listed once each, starting with whoever has waited longest for a look", async () => {
  const { brokerageId } = await makeConnections(1, ago(3_600));
  const db = await database();
  const visit = async (lookedAt: Date | null, lookFailedAt: Date | null = null, visits = 1) => {
    const userId = await makeUser();
    const session = { userId, intent: "connect" as const, brokerageId, startedAt: ago(30), activeAt: ago(1) };
    await db.insert(portalSessions).values(Array.from({ length: visits }, () => session));
    await db.update(snapTradeUsers).set({ lookedAt, lookFailedAt }).where(eq(snapTradeUsers.userId, userId));
    return userId;
  };
  const recent = await visit(ago(30));
  const failing = await visit(ago(900), ago(5));
  const waiting = await visit(ago(300), null, 3);
  const between = await visit(ago(200));
  const never = await visit(null);
  const first = async (room: number) => (await listCandidates(now, room, ago(0))).candidates.inPortal;
  expect(await first(2)).toEqual([never, waiting]);
  expect(await first(10)).toEqual([never, waiting, between, recent, failing]);
});
