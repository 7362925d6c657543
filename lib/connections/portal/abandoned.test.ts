import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { closeAbandonedSessions } from "./abandoned";
import { withWorld } from "@/lib/testing/connections";

withDatabase();
const { emulator, makePerson } = withWorld();

/** A person who signed in during each of these sessions and left, with nothing repaired. */
async function leave(count: number, minutesAgo: number) {
  const { userId, path, ids } = await makePerson();
  const db = await database();
  const [connection] = await db
    .update(connections)
    .set({ state: "disabled" })
    .where(eq(connections.id, ids[0] ?? ""))
    .returning();
  await emulator.post(`${path}/connections/${ids[0] ?? ""}/break`);
  const then = new Date(Date.now() - minutesAgo * 60_000);
  const times = { startedAt: then, openedAt: then, activeAt: then, reportedAt: then };
  const session = {
    userId,
    intent: "reconnect" as const,
    connectionId: connection?.id,
    brokerageId: connection?.brokerageId,
    ...times,
  };
  await db
    .insert(portalSessions)
    .values(Array.from({ length: count }, () => ({ ...session, reportedStatus: "SUCCESS" as const })));
  const asked = async () => {
    const { requests } = await emulator.get<{ requests: { path: string }[] }>(path);
    return requests.filter((request) => request.path === "/authorizations").length;
  };
  return { userId, asked };
}

test("a person who left many portal sessions costs one look per round, like everyone else", async () => {
  const { asked } = await leave(8, 30);
  const before = await asked();
  expect(await closeAbandonedSessions(new Date())).toBe(0);
  expect((await asked()) - before).toBe(1);
});

test("a session that can't be concluded is closed after an hour, so it never holds up the others", async () => {
  const { userId } = await leave(2, 120);
  const db = await database();
  await db.update(snapTradeUsers).set({ sealedSecret: "lost.AAAA" }).where(eq(snapTradeUsers.userId, userId));
  await closeAbandonedSessions(new Date());
  const left = await db
    .select({ outcome: portalSessions.outcome })
    .from(portalSessions)
    .where(eq(portalSessions.userId, userId));
  expect(left).toEqual([{ outcome: "failed" }, { outcome: "failed" }]);
});
