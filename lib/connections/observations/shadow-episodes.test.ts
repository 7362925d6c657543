import { asc, eq, inArray } from "drizzle-orm";
import { beforeEach, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { episodes } from "@/lib/db/schema/connections";
import { events } from "@/lib/db/schema/events";
import { notices } from "@/lib/db/schema/notices";
import { listNotices } from "@/lib/notifications/data";
import { sendDueNotices } from "@/lib/notifications/send";
import { setMode } from "@/lib/testing/mode";
import { at, days, makeOwner, withMailServer } from "@/lib/testing/notifications";
import { about, deliver } from "@/lib/testing/webhooks";
import { processInbox } from "@/lib/webhooks/process";
import { withDatabase } from "@/lib/testing/with-database";

withDatabase();
const mail = withMailServer();
beforeEach(() => setMode("live"));

type Owner = Awaited<ReturnType<typeof makeOwner>>;

async function learned({ ids, userId }: Owner) {
  for (const minutes of [11, days(1), days(3) + 20, days(8)]) await sendDueNotices(at(minutes));
  const db = await database();
  const found = await db
    .select({ inShadow: episodes.inShadow, brokeAt: episodes.brokeAt, endedAt: episodes.endedAt })
    .from(episodes)
    .where(inArray(episodes.connectionId, ids))
    .orderBy(asc(episodes.brokeAt));
  const sent = await db.select().from(events).where(eq(events.userId, userId)).orderBy(asc(events.recorded));
  return {
    episodes: found,
    notices: await db.$count(notices, eq(notices.userId, userId)),
    events: sent.map(({ type }) => type),
  };
}

test("a break noticed in shadow mode is never mailed about, not even once this is live, nor is its repair", async () => {
  const owner = await makeOwner();
  setMode("shadow");
  await owner.report(0, "disabled", 0);
  expect(await learned(owner)).toMatchObject({ episodes: [{ inShadow: true }], notices: 0, events: [] });
  setMode("live");
  await owner.report(0, "disabled", 5);
  expect(await learned(owner)).toMatchObject({ episodes: [{ inShadow: true }], notices: 0, events: [] });
  await owner.report(0, "enabled", 10);
  // The repair itself is news, and a connection's last event always matches its state.
  expect(await learned(owner)).toMatchObject({ notices: 0, events: ["connection.fixed"] });
  expect(mail.subjects(owner.email)).toEqual([]);
  await owner.report(0, "disabled", days(1));
  await sendDueNotices(at(days(1) + 11));
  expect(mail.subjects(owner.email)).toHaveLength(1);
});

test("a late report in live mode that divides a break from shadow mode in two makes no news of it", async () => {
  const owner = await makeOwner();
  setMode("shadow");
  await owner.report(0, "disabled", 0);
  await owner.report(0, "disabled", 40);
  setMode("live");
  await owner.report(0, "enabled", 20);
  expect(await learned(owner)).toMatchObject({
    episodes: [
      { inShadow: true, brokeAt: at(0), endedAt: at(20) },
      { inShadow: true, brokeAt: at(40), endedAt: null },
    ],
    notices: 0,
    events: [],
  });
  expect(mail.subjects(owner.email)).toEqual([]);
});

test("while processes of both modes run, what counts is which of them noticed the break first", async () => {
  const [early, late] = [await makeOwner(), await makeOwner()];
  setMode("shadow");
  await early.report(0, "disabled", 0);
  setMode("live");
  await late.report(0, "disabled", 0);
  await early.report(0, "disabled", 1);
  setMode("shadow");
  await late.report(0, "disabled", 1);
  setMode("live");
  expect(await learned(early)).toMatchObject({ episodes: [{ inShadow: true }], notices: 0, events: [] });
  expect(await learned(late)).toMatchObject({
    episodes: [{ inShadow: false }],
    events: ["connection.needs_owner"],
  });
  expect(mail.subjects(early.email)).toEqual([]);
  expect(mail.subjects(late.email).length).toBeGreaterThan(0);
});

test("a webhook that arrives in one mode and is processed in the other counts as the one that processed it", async () => {
  const [early, late] = [await makeOwner(), await makeOwner()];
  const arrives = (owner: Owner) => deliver(about(owner, owner.ids[0] ?? "", "disabled", 0), { now: at(1) });
  setMode("shadow");
  await arrives(early);
  setMode("live");
  await processInbox();
  await arrives(late);
  setMode("shadow");
  await processInbox();
  setMode("live");
  // Every break is either announced or in the shadow report, never both and never neither.
  expect(await learned(early)).toMatchObject({
    episodes: [{ inShadow: false }],
    events: ["connection.needs_owner"],
  });
  expect(await learned(late)).toMatchObject({ episodes: [{ inShadow: true }], notices: 0, events: [] });
  expect(mail.subjects(early.email).length).toBeGreaterThan(0);
  expect(mail.subjects(late.email)).toEqual([]);
});

test("a repair recorded in shadow mode leaves no receipt to be sent once this is live, but it is listed", async () => {
  const [owner, early] = [await makeOwner(), await makeOwner()];
  for (const one of [owner, early]) await one.report(0, "disabled", 0);
  await sendDueNotices(at(11));
  setMode("shadow");
  for (const one of [owner, early]) await one.report(0, "enabled", 60);
  await early.stillDisabled(0, 65, 0);
  await early.report(0, "enabled", days(1));
  setMode("live");
  for (const day of [2, 30]) await sendDueNotices(at(days(day)));
  for (const { email, userId } of [owner, early]) {
    expect(mail.subjects(email)).toHaveLength(1);
    expect((await listNotices(userId)).map(({ kind }) => kind)).toEqual(["fixed", "broke"]);
  }
});
