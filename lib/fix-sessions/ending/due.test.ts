import { createHash } from "node:crypto";
import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { portalSessions } from "@/lib/db/schema/portal";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { deleteOldSessions } from "./due";

withDatabase();

const now = new Date();
const ago = (days: number) => new Date(now.getTime() - days * 86_400_000);
const hash = (text: string) => createHash("sha256").update(text).digest("hex");

test("what ended a month ago is deleted; what is open, and the visits to the portal, stay", async () => {
  const userId = await makeUser();
  const db = await database();
  const common = { userId, origin: "api" as const, createdAt: ago(60), expiresAt: ago(40) };
  const ended = { outcome: "expired" as const, reason: "timed-out" as const };
  const made = await db
    .insert(fixSessions)
    .values([
      { ...common, tokenHash: hash("open") },
      { ...common, ...ended, tokenHash: hash("lately"), endedAt: ago(29) },
      { ...common, ...ended, tokenHash: hash("long ago"), endedAt: ago(31) },
    ])
    .returning();
  await db
    .insert(portalSessions)
    .values({ userId, intent: "connect", startedAt: ago(40), fixSessionId: made[2]?.id });
  expect(await deleteOldSessions(now)).toBe(1);
  expect(await db.$count(fixSessions)).toBe(2);
  const visits = await db.select().from(portalSessions).where(eq(portalSessions.userId, userId));
  expect(visits).toMatchObject([{ fixSessionId: null }]);
});
