import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { withWorld } from "@/lib/testing/connections";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { processInbox } from "./process";
import { deliver, makeEvent } from "@/lib/testing/webhooks";

withDatabase();
const { emulator, makePerson } = withWorld();

const hourMs = 3_600_000;

async function requestsSent(): Promise<number> {
  const { requests } = await emulator.get<{ requests: unknown[] }>("/state");
  return requests.length;
}

/** Creates a person whose last look was an hour ago. */
async function makePersonLookedAtAnHourAgo() {
  const { userId, path, ids } = await makePerson();
  const db = await database();
  const anHourAgo = new Date(Date.now() - hourMs);
  await db.update(snapTradeUsers).set({ lookedAt: anHourAgo }).where(eq(snapTradeUsers.userId, userId));
  await db.update(connections).set({ observedAt: anHourAgo }).where(eq(connections.userId, userId));
  return { userId, snapTradeUserId: path.slice("/users/".length), connectionId: ids[0] };
}

const clientId = () => process.env.SNAPTRADE_CLIENT_ID;
const key = () => process.env.SNAPTRADE_CONSUMER_KEY;

test.each([
  "CONNECTION_BROKEN",
  "ACCOUNT_HOLDINGS_UPDATED",
  "ACCOUNT_TRANSACTIONS_UPDATED",
  "CONNECTION_FAILED",
])(
  "%s is complete in itself, so no request is sent to SnapTrade, however old the last look is",
  async (type) => {
    const { snapTradeUserId, connectionId } = await makePersonLookedAtAnHourAgo();
    const before = await requestsSent();
    const about = { clientId: clientId(), userId: snapTradeUserId, brokerageAuthorizationId: connectionId };
    await deliver(makeEvent(type, new Date(), about), { key: key() });
    expect(await processInbox()).toMatchObject({ done: 1 });
    expect(await requestsSent()).toBe(before);
  },
);

test("CONNECTION_ADDED is incomplete, so we look", async () => {
  const { userId, snapTradeUserId } = await makePersonLookedAtAnHourAgo();
  const before = await requestsSent();
  const about = { clientId: clientId(), userId: snapTradeUserId, brokerageAuthorizationId: randomUUID() };
  await deliver(makeEvent("CONNECTION_ADDED", new Date(), about), { key: key() });
  await processInbox();
  expect(await requestsSent()).toBeGreaterThan(before);
  const db = await database();
  const [row] = await db.select().from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
  expect(row?.lookDueAt).toBeNull();
});
