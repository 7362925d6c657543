import { beforeEach, expect, test } from "vitest";
import { sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { notices } from "@/lib/db/schema/notices";
import { users } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { countUnread, listNotices, markAllRead } from "./data";
import { sendDueNotices } from "./send";
import { at, days, makeOwner, withMailServer } from "@/lib/testing/notifications";

withDatabase();
withMailServer();

beforeEach(async () => {
  await (await database()).execute(sql`truncate ${users} cascade`);
});

const newest = async (userId: string) =>
  new Date(Math.max(...(await listNotices(userId)).map((notice) => notice.at.getTime())));

test("“mark all as read” marks only what the page showed: no planned reminders, and nothing newer than the page", async () => {
  const owner = await makeOwner(2);
  await owner.report(0, "disabled", 0);
  await sendDueNotices(at(10));
  const shownAt = await newest(owner.userId);
  await owner.report(1, "disabled", 60);
  await markAllRead(owner.userId, shownAt, at(61));
  expect(await countUnread(owner.userId)).toBe(1);
  await markAllRead(owner.userId, await newest(owner.userId), at(62));
  expect(await countUnread(owner.userId)).toBe(0);
  await sendDueNotices(at(days(3)));
  expect((await listNotices(owner.userId)).filter(({ readAt }) => !readAt).map(({ kind }) => kind)).toEqual([
    "reminder-3",
  ]);
  expect(await (await database()).$count(notices)).toBeGreaterThan(3);
});
