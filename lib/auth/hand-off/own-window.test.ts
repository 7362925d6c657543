import { expect, test } from "vitest";
import { env } from "@/lib/base/env";
import { testSettings } from "@/lib/testing/unique";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { createOwnWindow } from "./own-window";

Object.assign(process.env, testSettings, { EMBED_ORIGINS: "https://larch.example" });
withDatabase();

const now = new Date("2026-11-20T12:00:00Z");

test("a person can open ten windows at once, and then one every ten seconds; others aren't affected", async () => {
  const [busy, other] = [await makeUser({ registered: false }), await makeUser({ registered: false })];
  const open = (userId: string, seconds = 0) =>
    createOwnWindow(userId, "/connections", new Date(now.getTime() + seconds * 1_000));
  for (let window = 0; window < 10; window++) await open(busy);
  await expect(open(busy)).rejects.toMatchObject({ code: "opened-often" });
  expect((await open(other)).url).toContain("/sign-in/hand-off?token=");
  expect((await open(busy, 10)).url).toContain("/sign-in/hand-off?token=");
});

test("where nobody may frame the app, there is no such address", async () => {
  const userId = await makeUser({ registered: false });
  const origins = env().EMBED_ORIGINS.splice(0);
  await expect(createOwnWindow(userId, "/connections", now)).rejects.toMatchObject({ code: "not-found" });
  env().EMBED_ORIGINS.push(...origins);
});
