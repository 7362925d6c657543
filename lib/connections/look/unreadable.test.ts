import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { listedConnection as connection, withAnswers } from "@/lib/testing/snaptrade";
import { look } from "./look";
import { requireSnapTradeCredentials } from "@/lib/connections/observations/snaptrade-user";

const snapTrade = withAnswers();
withDatabase();

const [one, other, three] = [
  "0b3ebefb-ed47-43df-cd8f-729a4420b5cf",
  "87b24961-b51e-4db8-9226-f198f6518a89",
  "5b1ac4f2-33a7-4a55-9a5e-2f7d6a0b8c11",
];

/** A SnapTrade that lists these connections and denies each of them by id. */
function sendList(list: unknown[], date = new Date()) {
  snapTrade.answer((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://snaptrade.example");
    const bodies: Record<string, unknown> = {
      "/snapTrade/registerUser": { userSecret: "secret" },
      "/authorizations": list,
      "/accounts": [],
    };
    const body = bodies[pathname];
    response
      .writeHead(body ? 200 : 404, { "Content-Type": "application/json", Date: date.toUTCString() })
      .end(JSON.stringify(body ?? { code: "1011" }));
  });
}

async function statesAfter(userId: string, list: unknown[], date?: Date) {
  sendList(list, date);
  expect(await look(userId)).toMatchObject({ looked: true });
  const db = await database();
  const rows = await db
    .select({ id: connections.id, state: connections.state })
    .from(connections)
    .where(eq(connections.userId, userId));
  return Object.fromEntries(rows.map(({ id, state }) => [id, state]));
}

test("an unreadable connection keeps its state and is never concluded gone, and the others are still observed", async () => {
  const userId = await makeUser({ registered: false });
  sendList([]);
  await requireSnapTradeCredentials(userId, new Date());
  const earlier = new Date(Date.now() - 60_000);
  expect(await statesAfter(userId, [connection, { ...connection, id: other }], earlier)).toEqual({
    [one]: "enabled",
    [other]: "enabled",
  });
  const broken = {
    ...connection,
    id: other,
    disabled: true,
    brokerage: null,
    created_date: "",
    type: "paper",
  };
  expect(await statesAfter(userId, [{ ...connection, disabled: null }, broken, 7])).toEqual({
    [one]: "enabled",
    [other]: "disabled",
  });
});

test("a connection that can be read again is shown again, even where its brokerage cannot", async () => {
  const userId = await makeUser({ registered: false });
  sendList([]);
  await requireSnapTradeCredentials(userId, new Date());
  const unreadable = async () =>
    (await (await database()).select().from(connections).where(eq(connections.userId, userId)))[0]
      ?.unreadableSince;
  const ids = { [three]: "enabled" };
  const third = { ...connection, id: three };
  expect(await statesAfter(userId, [third], new Date(Date.now() - 60_000))).toEqual(ids);
  expect(await statesAfter(userId, [{ ...third, disabled: null }], new Date(Date.now() - 30_000))).toEqual(
    ids,
  );
  expect(await unreadable()).not.toBeNull();
  expect(await statesAfter(userId, [{ ...third, brokerage: null }])).toEqual(ids);
  expect(await unreadable()).toBeNull();
});
