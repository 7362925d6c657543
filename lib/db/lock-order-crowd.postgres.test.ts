import { setTimeout as wait } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { holdNotices, releaseNotices } from "@/lib/notifications/holds";
import { scheduleNextLooks } from "@/lib/reconcile/candidates";
import { expectNoDeadlocks, run, slowDown } from "@/lib/testing/deadlocks";
import { testSettings } from "@/lib/testing/unique";
import { about, at, deliver, makeConnections, makeEvent } from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { processInbox } from "@/lib/webhooks/process";

Object.assign(process.env, testSettings, { SNAPTRADE_API_URL: "http://localhost:9" });
withDatabase();

expectNoDeadlocks();

beforeAll(async () => {
  for (const table of ["snaptrade_users", "notices"]) await slowDown(table);
});

/** Two people, in the order opposite to the one in which their rows have to be locked. */
async function makePair() {
  const pair = await Promise.all([makeConnections(1, at(0)), makeConnections(1, at(0))]);
  return pair.sort((one, other) => (one.userId > other.userId ? -1 : 1));
}

test("a batch that changes one person and requests a look at another never deadlocks with the round's plans", async () => {
  const [high, low] = await makePair();
  const lowUpdated = { userId: low.snapTradeUserId, brokerageAuthorizationId: low.ids[0] };
  await deliver(about(high, high.ids[0], "disabled", 10), { now: at(11) });
  await deliver(makeEvent("CONNECTION_UPDATED", at(10), lowUpdated), { now: at(11) });
  const inbox = processInbox();
  await wait(100);
  await scheduleNextLooks([low.userId, high.userId], 60_000, at(20));
  expect(await inbox).toMatchObject({ done: 2, failed: 0 });
}, 60_000);

test("a batch in which two SnapTrade users are deleted never deadlocks with the round's plans", async () => {
  const [high, low] = await makePair();
  await deliver(makeEvent("USER_DELETED", at(10), { userId: high.snapTradeUserId }), { now: at(11) });
  await deliver(makeEvent("USER_DELETED", at(10), { userId: low.snapTradeUserId }), { now: at(12) });
  const inbox = processInbox();
  await wait(100);
  await scheduleNextLooks([low.userId, high.userId], 60_000, at(20));
  expect(await inbox).toMatchObject({ done: 2, failed: 0 });
}, 60_000);

test("a brokerage's recovery never deadlocks with the repairs that arrive at the same time", async () => {
  const people = await Promise.all(Array.from({ length: 5 }, () => makeConnections(1, at(0))));
  for (const person of people) await deliver(about(person, person.ids[0], "disabled", 10), { now: at(11) });
  await processInbox();
  await run("update brokerages set maintenance = true");
  expect(await holdNotices(at(100_000))).toBeGreaterThanOrEqual(people.length);
  await run("update brokerages set maintenance = false");
  const found: unknown = await run("select user_id from notices where mail = 'held' order by id desc");
  for (const { user_id } of (found as { rows: { user_id: string }[] }).rows) {
    const person = people.find(({ userId }) => userId === user_id);
    if (person) await deliver(about(person, person.ids[0], "enabled", 20), { now: at(21) });
  }
  const inbox = processInbox();
  await releaseNotices(at(100_010));
  expect(await inbox).toMatchObject({ done: people.length, failed: 0 });
}, 60_000);
