import { expect, test } from "vitest";
import { testSettings } from "@/lib/testing/unique";
import { withDatabase } from "@/lib/testing/with-database";
import { recordSender, waitOf } from "./senders";

Object.assign(process.env, testSettings);
withDatabase();

const now = new Date("2026-11-20T12:00:00Z");
const after = (seconds: number) => new Date(now.getTime() + seconds * 1_000);

async function reject(network: string | null, times: number) {
  for (let count = 0; count < times; count++) await recordSender(network, "not-signed", now);
}

test("an address that sends unsigned webhooks is refused unread after twenty, for a few seconds", async () => {
  await reject("203.0.113.1", 20);
  expect(waitOf("203.0.113.1", now)).toBe(0);
  await reject("203.0.113.1", 1);
  expect(waitOf("203.0.113.1", now)).toBe(3);
  expect(waitOf("203.0.113.2", now)).toBe(0);
  expect(waitOf("203.0.113.1", after(3))).toBe(0);
});

test("an address that also sends signed webhooks is never refused", async () => {
  await recordSender("203.0.113.3", "stored", now);
  await reject("203.0.113.3", 50);
  expect(waitOf("203.0.113.3", now)).toBe(0);
});

test("webhooks from an unknown address are never refused unread", async () => {
  await reject(null, 50);
  expect(waitOf(null, now)).toBe(0);
});
