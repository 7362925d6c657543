import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { brokerages, connections, episodes } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { listLifetimes, recordLivedDays, signedInAt } from "./lifetimes";
import { minEpisodes } from "./lifetimes";

withDatabase();

const madeAt = new Date("2026-01-01T12:00:00Z");
const afterDays = (days: number) => new Date(madeAt.getTime() + days * 86_400_000);

/**
 * Connections at a brokerage of their own: made on day 0, renewed on day 10 if `signedInAgain`, broken on day
 * 30, repaired on day 31.
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
    const session = {
      userId,
      intent: "reconnect" as const,
      connectionId: id,
      brokerageId,
      outcome: "fixed" as const,
    };
    await db.insert(portalSessions).values({ ...session, startedAt: afterDays(31), endedAt: afterDays(31) });
    if (signedInAgain)
      await db
        .insert(portalSessions)
        .values({ ...session, intent: "renew", startedAt: afterDays(10), endedAt: afterDays(10) });
    await db.insert(episodes).values({
      connectionId: id,
      userId,
      brokerageId,
      brokeAt: afterDays(30),
      noticedAt: afterDays(30),
      noticedBy: "webhook",
      endedAt: afterDays(31),
      endedHow: "fixed",
    });
    await recordLivedDays(db, [{ connectionId: id, since: madeAt }]);
  }
  return brokerageId;
}

const median = (lifetimes: number[] | undefined) => lifetimes?.[9];

test("a lifetime runs from the last sign-in before the break, and is only estimated with enough episodes", async () => {
  const [plain, renewed, few] = [
    await makeLives(minEpisodes, { signedInAgain: false }),
    await makeLives(minEpisodes, { signedInAgain: true }),
    await makeLives(minEpisodes - 1, { signedInAgain: false }),
  ];
  const lifetimes = await listLifetimes();
  expect(median(lifetimes.get(plain))).toBeCloseTo(30);
  expect(median(lifetimes.get(renewed))).toBeCloseTo(20);
  expect(lifetimes.has(few)).toBe(false);
});

test("the last sign-in is when the connection was last made, repaired, or renewed", () => {
  const session = (outcome: string, days: number) => ({ outcome, endedAt: afterDays(days) });
  const known = {
    connectedSince: madeAt,
    episodes: [{ endedAt: afterDays(31) }, { endedAt: null }],
    portalSessions: [session("failed", 50)],
  };
  expect(
    signedInAt({ ...known, portalSessions: [session("fixed", 40), session("failed", 50)] }, afterDays(60)),
  ).toEqual(afterDays(40));
  expect(signedInAt(known, afterDays(60))).toEqual(afterDays(31));
  expect(signedInAt(known, afterDays(20))).toEqual(madeAt);
  expect(signedInAt({ connectedSince: null, episodes: [], portalSessions: [] }, afterDays(60))).toBeNull();
});
