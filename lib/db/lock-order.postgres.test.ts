import { sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { observe } from "@/lib/connections/observations/observe";
import { writeBrokerages } from "@/lib/connections/observations/write-brokerages";
import { testSettings } from "@/lib/testing/unique";
import { about, at, deliver, makeConnections, makeEvent } from "@/lib/testing/webhooks";
import { processInbox } from "@/lib/webhooks/process";
import { applyHeartbeats } from "@/lib/webhooks/heartbeats";
import { database, transaction } from "./client";
import { withDatabase } from "@/lib/testing/with-database";

Object.assign(process.env, testSettings);
withDatabase();

const rounds = 60;

/** PGlite runs one transaction at a time, so it never deadlocks. */
describe("locks are always taken in the same order", () => {
  test(
    "concurrent maintenance, webhooks and looks never deadlock, in 60 rounds",
    { timeout: 300_000 },
    async () => {
      const people = await Promise.all(Array.from({ length: 4 }, () => makeConnections(3, at(0))));
      const db = await database();
      const before = await deadlocks();
      const failures: unknown[] = [];
      for (let round = 1; round <= rounds; round++) {
        const now = at(round * 10);
        const brokerage = {
          id: people[0]?.brokerageId ?? "",
          slug: "QUESTRADE",
          name: "Questrade",
          logoUrl: null,
          enabled: true,
          maintenance: round % 2 === 1,
          degraded: false,
        };
        const state = round % 2 === 1 ? ("disabled" as const) : ("enabled" as const);
        const flips = transaction((tx) => writeBrokerages(tx, [{ ...brokerage, observedAt: now }]));
        const listed = writeBrokerages(db, [{ ...brokerage, degraded: round % 3 === 0, observedAt: now }]);
        const looks = people.map(({ userId, ids }) =>
          observe(
            userId,
            ids.map((connectionId) => ({
              connectionId,
              state,
              observedAt: now,
              answeredAt: now,
              disabledAt: null,
              source: "timer" as const,
              recordedAt: now,
              details: {
                brokerage: { ...brokerage, allowsTrading: false },
                access: "read" as const,
                connectedSince: null,
                updatedAt: null,
              },
            })),
          ),
        );
        const webhooks = people.map(async (person) => {
          for (const id of [...person.ids].reverse()) {
            await deliver(about(person, id, state, round * 10 + 1));
            const members = { userId: person.snapTradeUserId, brokerageAuthorizationId: id };
            await deliver(makeEvent("ACCOUNT_HOLDINGS_UPDATED", at(round * 10 + 2), members));
          }
          await processInbox();
        });
        const heartbeats = [
          applyHeartbeats(new Date(), Date.now() + 10_000),
          applyHeartbeats(new Date(), Date.now() + 10_000),
        ];
        for (const result of await Promise.allSettled([flips, listed, ...looks, ...webhooks, ...heartbeats]))
          if (result.status === "rejected") failures.push(result.reason);
      }
      expect(failures).toEqual([]);
      expect((await deadlocks()) - before).toBe(0);
    },
  );

  async function deadlocks(): Promise<number> {
    const db = await database();
    await db.execute(sql`select pg_stat_force_next_flush()`);
    const answer: unknown = await db.execute(
      sql`select deadlocks::int as n from pg_stat_database where datname = current_database()`,
    );
    return (answer as { rows: { n: number }[] }).rows[0]?.n ?? 0;
  }
});
