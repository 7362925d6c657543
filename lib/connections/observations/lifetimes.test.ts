import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { brokerages, connections, episodes } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { listLifetimes, signedInAt } from "./lifetimes";
import { lifetimesFrom } from "./lifetimes";

withDatabase();

const madeAt = new Date("2026-01-01T12:00:00Z");
const afterDays = (days: number) => new Date(madeAt.getTime() + days * 86_400_000);

/**
 * Connections at a brokerage of its own: made, signed in again on day 10 where asked, broken on day 30 and
 * repaired on day 31.
 */
async function makeLives(count: number, { signedInAgain }: { signedInAgain: boolean }): Promise<string> {
  const db = await database();
  const userId = await makeUser();
  const brokerageId = randomUUID();
  const flags = { enabled: true, maintenance: false, degraded: false };
  await db
    .insert(brokerages)
    .values({ id: brokerageId, slug: brokerageId, name: "Brokerage", observedAt: madeAt, ...flags });
  for (let made = 0; made < count; made++) {
    const id = randomUUID();
    const state = { state: "enabled" as const, observedAt: afterDays(31) };
    await db
      .insert(connections)
      .values({ id, userId, brokerageId, access: "read", connectedSince: madeAt, ...state });
    await db.insert(episodes).values({
      connectionId: id,
      brokeAt: afterDays(30),
      noticedAt: afterDays(30),
      noticedBy: "webhook",
      endedAt: afterDays(31),
      endedHow: "fixed",
    });
    const trip = {
      userId,
      intent: "reconnect" as const,
      connectionId: id,
      brokerageId,
      outcome: "fixed" as const,
    };
    await db.insert(portalSessions).values({ ...trip, startedAt: afterDays(31), endedAt: afterDays(31) });
    if (signedInAgain)
      await db
        .insert(portalSessions)
        .values({ ...trip, intent: "renew", startedAt: afterDays(10), endedAt: afterDays(10) });
  }
  return brokerageId;
}

const median = (lifetimes: number[] | undefined) => lifetimes?.[9];

test("a life is counted from the last sign-in before the break, and not before there are enough of them", async () => {
  const [plain, renewed, few] = [
    await makeLives(lifetimesFrom, { signedInAgain: false }),
    await makeLives(lifetimesFrom, { signedInAgain: true }),
    await makeLives(lifetimesFrom - 1, { signedInAgain: false }),
  ];
  const lifetimes = await listLifetimes();
  expect(median(lifetimes.get(plain))).toBeCloseTo(30);
  expect(median(lifetimes.get(renewed))).toBeCloseTo(20);
  expect(lifetimes.has(few)).toBe(false);
});

test("the last sign-in is the newest of what made, repaired or renewed the connection", () => {
  const trip = (outcome: string, days: number) => ({ outcome, endedAt: afterDays(days) });
  const known = {
    connectedSince: madeAt,
    episodes: [{ endedAt: afterDays(31) }, { endedAt: null }],
    portalSessions: [trip("failed", 50)],
  };
  expect(
    signedInAt({ ...known, portalSessions: [trip("fixed", 40), trip("failed", 50)] }, afterDays(60)),
  ).toEqual(afterDays(40));
  expect(signedInAt(known, afterDays(60))).toEqual(afterDays(31));
  expect(signedInAt(known, afterDays(20))).toEqual(madeAt);
  expect(signedInAt({ connectedSince: null, episodes: [], portalSessions: [] }, afterDays(60))).toBeNull();
});
