import { beforeEach, expect, test } from "vitest";
import { observe } from "@/lib/connections/observations/observe";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { inboxEvents } from "@/lib/db/schema/webhooks";
import { withApi } from "@/lib/testing/api";
import { setMode } from "@/lib/testing/mode";
import { at, makeOwner } from "@/lib/testing/notifications";
import { deliver, makeEvent } from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { processInbox } from "@/lib/webhooks/process";

withDatabase();
const { ask } = withApi();

beforeEach(async () => {
  setMode("shadow");
  const db = await database();
  await db.delete(connections);
  await db.delete(inboxEvents);
});

type Owner = Awaited<ReturnType<typeof makeOwner>>;

/** The timer finds a break of this connection, which began ten minutes before. */
const found = ({ userId, ids }: Owner, minutes: number) =>
  observe(userId, [
    {
      ...{ connectionId: ids[0] ?? "", state: "disabled", source: "timer" },
      ...{ observedAt: at(minutes), answeredAt: at(minutes), disabledAt: at(minutes - 10) },
      recordedAt: at(minutes),
    },
  ]);

const broken = ({ ids, snapTradeUserId }: Owner, members: Record<string, unknown> = {}) =>
  makeEvent("CONNECTION_BROKEN", at(0), {
    ...{ userId: snapTradeUserId, brokerageAuthorizationId: ids[0] },
    ...members,
  });

async function announced(): Promise<string[]> {
  const { json } = await ask("GET", "/shadow-report", { now: at(1_000) });
  const { json: sum } = await ask("GET", "/shadow-report/summary", { now: at(1_000) });
  const { breaks } = json as unknown as { breaks: { announced: string }[] };
  expect(sum?.never_announced).toBe(breaks.filter((one) => one.announced === "no").length);
  return breaks.map((one) => one.announced);
}

test("a webhook without a usable time isn't evidence that there was none", async () => {
  const owner = await makeOwner();
  await deliver(broken(owner, { eventTimestamp: null }), { now: at(1) });
  await processInbox();
  await found(owner, 10);
  expect(await announced()).toEqual(["unknown"]);
});

test("a webhook that could never be processed isn't evidence that there was none", async () => {
  const owner = await makeOwner();
  await deliver(broken(owner), { now: at(1) });
  await (await database()).update(inboxEvents).set({ state: "dead", lastError: "Error" });
  await found(owner, 10);
  expect(await announced()).toEqual(["unknown"]);
});

test("a webhook that nobody could read, so that it may be about anyone, isn't evidence that there was none", async () => {
  const owner = await makeOwner();
  await deliver(broken(owner), { now: at(1) });
  await (
    await database()
  )
    .update(inboxEvents)
    .set({ state: "dead", lastError: "unreadable", snapTradeUserId: null, connectionId: null });
  await found(owner, 10);
  expect(await announced()).toEqual(["unknown"]);
});

test("one of another connection, or of another day, is no webhook about this break", async () => {
  const [owner, other] = [await makeOwner(), await makeOwner()];
  await deliver(broken(owner, { eventTimestamp: null }), { now: at(-2_000) });
  await deliver(broken(other, { eventTimestamp: null }), { now: at(1) });
  await processInbox();
  await found(owner, 10);
  expect(await announced()).toEqual(["no"]);
});
