import { eq } from "drizzle-orm";
import { beforeEach, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { brokerages } from "@/lib/db/schema/connections";
import { notices } from "@/lib/db/schema/notices";
import { rounds } from "@/lib/db/schema/work";
import { takeRound } from "@/lib/reconcile/lease";
import { setMode } from "@/lib/testing/mode";
import { at, days, makeOwner, withMailServer } from "@/lib/testing/notifications";
import { withDatabase } from "@/lib/testing/with-database";
import { sendDueNotices } from "./send";

withDatabase();
const mail = withMailServer();
beforeEach(async () => {
  setMode("live");
  const db = await database();
  await db.delete(notices);
  await db.update(brokerages).set({ maintenance: false });
  await db.update(rounds).set({ lockedUntil: new Date(0), shadowSince: null });
});

type Owner = Awaited<ReturnType<typeof makeOwner>>;

async function round(...minutes: number[]) {
  for (const minute of minutes) {
    await takeRound(at(minute));
    await sendDueNotices(at(minute));
  }
}

async function stateOf({ userId }: Owner) {
  const db = await database();
  const { kind, mail, lastError } = notices;
  return db.select({ kind, mail, lastError }).from(notices).where(eq(notices.userId, userId));
}

const withheld = { mail: "cancelled", lastError: "shadow mode" };

test("a break and a repair from just before shadow mode are no news weeks later, nor is what was held", async () => {
  const [broken, repaired, held] = [await makeOwner(), await makeOwner(), await makeOwner()];
  await repaired.report(0, "disabled", 0);
  await round(11);
  const db = await database();
  await db.update(brokerages).set({ maintenance: true });
  await held.report(0, "disabled", 12);
  await round(30);
  await db.update(brokerages).set({ maintenance: false });
  await broken.report(0, "disabled", 30);
  await repaired.report(0, "enabled", 30);
  expect(await stateOf(held)).toMatchObject([{ mail: "held" }]);
  setMode("shadow");
  await round(31, 60, days(1), days(3), days(7), days(20));
  expect(mail.subjects()).toHaveLength(1);
  for (const owner of [broken, held]) expect(await stateOf(owner)).toEqual([{ kind: "broke", ...withheld }]);
  expect(await stateOf(repaired)).toContainEqual({ kind: "fixed", ...withheld });
  setMode("live");
  await round(days(21), days(30));
  expect(mail.subjects()).toHaveLength(1);
});

test("a reminder that came due in shadow mode is never sent", async () => {
  const owner = await makeOwner();
  await owner.report(0, "disabled", 0);
  await round(11);
  setMode("shadow");
  await round(15, days(3) + 90);
  expect(await stateOf(owner)).toContainEqual({ kind: "reminder-3", ...withheld });
  setMode("live");
  await round(days(4));
  expect(mail.subjects(owner.email)).toHaveLength(1);
});

test("what came due less than an hour ago is still sent, so processes of both modes can take turns", async () => {
  const owner = await makeOwner();
  await owner.report(0, "disabled", 0);
  setMode("shadow");
  await round(11, 69);
  setMode("live");
  await round(69);
  expect(mail.subjects(owner.email)).toHaveLength(1);
});

test("an hour begins anew with each switch to shadow mode, however long ago something was due", async () => {
  const owner = await makeOwner();
  await owner.report(0, "disabled", 0);
  setMode("shadow");
  await round(200, 250);
  setMode("live");
  await takeRound(at(255));
  setMode("shadow");
  await round(260, 315);
  setMode("live");
  await round(320);
  expect(mail.subjects(owner.email)).toHaveLength(1);
});

test("a receipt that nothing could send for days is not sent anymore, in any mode", async () => {
  const owner = await makeOwner();
  await owner.report(0, "disabled", 0);
  await round(11);
  await owner.report(0, "enabled", 30);
  await round(days(3));
  expect(mail.subjects(owner.email)).toHaveLength(1);
  expect(await stateOf(owner)).toContainEqual({ kind: "fixed", mail: "cancelled", lastError: "too late" });
});
