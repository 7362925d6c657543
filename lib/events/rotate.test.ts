import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { env } from "@/lib/base/env";
import { database } from "@/lib/db/client";
import { eventEndpoints } from "@/lib/db/schema/events";
import { withReceiver } from "@/lib/testing/receiver";
import { withApi } from "@/lib/testing/api";
import { withNoEvents } from "@/lib/testing/events";
import { testSettings } from "@/lib/testing/unique";
import { withDatabase } from "@/lib/testing/with-database";
import { addEndpoint, rotateSecret, testEndpoint } from "./endpoints";
import { resealEndpoints } from "./sign";

Object.assign(process.env, testSettings, { EVENTS_ALLOW_PRIVATE: "true" });
withDatabase();
const receiver = withReceiver();
const { ask } = withApi();

withNoEvents();

const hours = (n: number) => new Date(Date.now() + n * 3_600_000);

async function endpoint() {
  const path = `/${randomUUID()}`;
  return { path, ...(await addEndpoint(receiver.url(path), null, new Date())) };
}

/** Whether an event that is sent now is accepted by a receiver that knows only this secret. */
async function isAccepted(secret: string, { id, path }: { id: string; path: string }) {
  expect(await testEndpoint(id, new Date())).toBeNull();
  const sent = receiver.at(path).at(-1);
  try {
    new Webhook(secret).verify(sent?.body ?? "", sent?.headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}

test("a rotation whose answer was lost can be asked for again, and ends no secret that the receiver may have", async () => {
  const added = await endpoint();
  const rotate = async () => {
    const headers = { "Idempotency-Key": randomUUID() };
    const { status, json } = await ask("POST", `/endpoints/${added.id}/rotate`, { headers });
    expect(status).toBe(200);
    return String(json?.secret);
  };
  const secrets = [added.secret, await rotate(), await rotate(), await rotate()];
  for (const secret of secrets) expect(await isAccepted(secret, added)).toBe(true);
  expect(new Set(secrets).size).toBe(4);
});

test("after a day without another change, only the last two sign from the next change on", async () => {
  const added = await endpoint();
  const second = await rotateSecret(added.id, hours(-50));
  const third = await rotateSecret(added.id, hours(-40));
  const fourth = await rotateSecret(added.id, new Date());
  expect(await isAccepted(fourth, added)).toBe(true);
  expect(await isAccepted(third, added)).toBe(true);
  expect(await isAccepted(second, added)).toBe(false);
  expect(await isAccepted(added.secret, added)).toBe(false);
});

test("changing it again and again is refused at some point, and changes nothing", async () => {
  const added = await endpoint();
  for (let change = 0; change < 9; change++) await rotateSecret(added.id, new Date());
  await expect(rotateSecret(added.id, new Date())).rejects.toMatchObject({ code: "rotated-often" });
  const headers = { "Idempotency-Key": randomUUID() };
  const { status } = await ask("POST", `/endpoints/${added.id}/rotate`, { headers });
  expect(status).toBe(409);
  expect(await isAccepted(added.secret, added)).toBe(true);
  await expect(rotateSecret(randomUUID(), new Date())).rejects.toMatchObject({ code: "not-found" });
});

test("after a change of ENCRYPTION_KEYS, every secret that still signs needs only the new key", async () => {
  const added = await endpoint();
  const secrets = [
    added.secret,
    await rotateSecret(added.id, new Date()),
    await rotateSecret(added.id, new Date()),
  ];
  const keys = env().ENCRYPTION_KEYS;
  keys.unshift({ id: "newer", key: Buffer.alloc(32, 9) });
  expect(await resealEndpoints(new Date())).toEqual([]);
  const [old] = keys.splice(1, 1);
  for (const secret of secrets) expect(await isAccepted(secret, added)).toBe(true);
  if (old) keys.splice(0, 1, old);
});

/** Calls `work` after the key that has sealed everything so far was replaced. */
async function withoutOldKey(work: () => Promise<void>) {
  const keys = env().ENCRYPTION_KEYS;
  const old = keys.splice(0, keys.length, { id: randomUUID().slice(0, 8), key: Buffer.alloc(32, 7) });
  try {
    await work();
  } finally {
    keys.splice(0, keys.length, ...old);
  }
}

const storedOf = async ({ id }: { id: string }) =>
  (await database()).query.eventEndpoints.findFirst({ where: (row, { eq }) => eq(row.id, id) });

test("a previous secret that has expired is dropped, even if no key opens it", async () => {
  const added = await endpoint();
  const next = await rotateSecret(added.id, hours(-30));
  const stored = await storedOf(added);
  await (
    await database()
  )
    .update(eventEndpoints)
    .set({ sealedPrevious: `gone.${stored?.sealedPrevious}`, sealedOlder: ["gone.too"] })
    .where(eq(eventEndpoints.id, added.id));
  expect(await isAccepted(next, added)).toBe(true);
  expect(await resealEndpoints(new Date())).toEqual([]);
  expect(await storedOf(added)).toMatchObject({ sealedPrevious: null, previousUntil: null, sealedOlder: [] });
  expect(await isAccepted(next, added)).toBe(true);
});

test("a secret that no key opens is named and kept, and hinders neither the other secrets nor the other endpoints", async () => {
  const [odd, other] = [await endpoint(), await endpoint()];
  const next = await rotateSecret(odd.id, new Date());
  await (
    await database()
  )
    .update(eventEndpoints)
    .set({ sealedPrevious: "gone.AAAA" })
    .where(eq(eventEndpoints.id, odd.id));
  expect(await isAccepted(next, odd)).toBe(true);
  const keys = env().ENCRYPTION_KEYS;
  keys.unshift({ id: "newest", key: Buffer.alloc(32, 8) });
  expect(await resealEndpoints(new Date())).toEqual([odd.id]);
  const [old] = keys.splice(1, 1);
  expect(await isAccepted(next, odd)).toBe(true);
  expect(await isAccepted(other.secret, other)).toBe(true);
  expect(await storedOf(odd)).toMatchObject({ sealedPrevious: "gone.AAAA" });
  if (old) keys.splice(0, 1, old);
});

test("once the secret of an endpoint was lost with its key, changing it is enough to send again", async () => {
  const added = await endpoint();
  await withoutOldKey(async () => {
    expect(await resealEndpoints(new Date())).toContain(added.id);
    expect(await testEndpoint(added.id, new Date())).toBe("no key in ENCRYPTION_KEYS opens its secret");
    const next = await rotateSecret(added.id, new Date());
    expect(await isAccepted(next, added)).toBe(true);
  });
});
