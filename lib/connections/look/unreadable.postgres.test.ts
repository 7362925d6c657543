import { eq, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { database, transaction } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { listedConnection as connection, withAnswers } from "@/lib/testing/snaptrade";
import { look } from "./look";
import { observe } from "@/lib/connections/observations/observe";
import { requireSnapTradeCredentials } from "@/lib/connections/observations/snaptrade-user";

const snapTrade = withAnswers();
withDatabase();

const [one, other] = ["0b3ebefb-ed47-43df-cd8f-729a4420b5cf", "87b24961-b51e-4db8-9226-f198f6518a89"];

function sendList(list: unknown[]) {
  snapTrade.answer((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://snaptrade.example");
    const bodies: Record<string, unknown> = {
      "/snapTrade/registerUser": { userSecret: "secret" },
      "/authorizations": list,
      "/accounts": [],
    };
    response
      .writeHead(200, { "Content-Type": "application/json", Date: new Date().toUTCString() })
      .end(JSON.stringify(bodies[pathname] ?? {}));
  });
}

/** PGlite runs one transaction at a time, so it cannot deadlock. */
test("a look in doubt with an unreadable connection in its list never deadlocks with the person's events", async () => {
  const userId = await makeUser({ registered: false });
  sendList([connection, { ...connection, id: other }]);
  await requireSnapTradeCredentials(userId, new Date());
  await look(userId, new Date(Date.now() - 60_000));
  const now = new Date();
  const event = {
    state: "disabled" as const,
    observedAt: now,
    answeredAt: null,
    disabledAt: null,
    source: "webhook" as const,
    recordedAt: now,
  };
  await observe(userId, [{ connectionId: one, ...event }]);
  sendList([connection, { ...connection, id: other, disabled: null }]);
  const db = await database();
  let looking: Promise<unknown> = Promise.resolve();
  await transaction(async (tx) => {
    await tx.select({ id: connections.id }).from(connections).where(eq(connections.id, other)).for("update");
    looking = look(userId);
    while (!(await isSomebodyWaiting())) await new Promise((resolve) => setTimeout(resolve, 20));
    await tx
      .select({ userId: snapTradeUsers.userId })
      .from(snapTradeUsers)
      .where(eq(snapTradeUsers.userId, userId))
      .for("update");
  });
  expect(await looking).toMatchObject({ looked: true });

  async function isSomebodyWaiting(): Promise<boolean> {
    const answer: unknown = await db.execute(sql`select count(*)::int as n from pg_locks where not granted`);
    return ((answer as { rows: { n: number }[] }).rows[0]?.n ?? 0) > 0;
  }
});
