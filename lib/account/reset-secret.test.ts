import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import {
  boundTo,
  getSnapTradeCredentials,
  requireSnapTradeCredentials,
} from "@/lib/connections/observations/snaptrade-user";
import { database } from "@/lib/db/client";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { listConnections } from "@/lib/snaptrade/connections";
import { sealSecret } from "@/lib/snaptrade/user-secret";
import { resetSnapTradeUserSecret } from "@/lib/snaptrade/users";
import { withConnecting } from "@/lib/testing/connections";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { keepSecret, listKeptUnderOlderKeys, readKeptSecret } from "./kept-secret";
import { resetUserSecret } from "./reset-secret";

const { emulator } = withConnecting();
withDatabase();

const sentAt = new Date(Date.now() - 600_000);
const olderKeys = [{ id: "older", key: Buffer.alloc(32, 1) }];
const makeFolder = () => mkdtemp(path.join(tmpdir(), "kept-"));

async function person() {
  const userId = await makeUser({ registered: false });
  const credentials = await requireSnapTradeCredentials(userId, new Date());
  const { snapTradeUserId } = credentials;
  return {
    userId,
    credentials,
    owner: boundTo(userId, snapTradeUserId),
    path: `/users/${snapTradeUserId}`,
    folder: await makeFolder(),
  };
}

const rowOf = async (userId: string) => {
  const rows = await (
    await database()
  )
    .select()
    .from(snapTradeUsers)
    .where(eq(snapTradeUsers.userId, userId));
  return rows[0];
};
const works = async (userId: string) => {
  const credentials = await getSnapTradeCredentials(userId);
  return (
    credentials !== null &&
    listConnections(credentials).then(
      () => true,
      () => false,
    )
  );
};

test("a kept secret whose claim a failover or a restore lost is stored if SnapTrade accepts it", async () => {
  const { userId, credentials, owner, folder } = await person();
  const secret = await resetSnapTradeUserSecret(credentials);
  await keepSecret(folder, userId, { sentAt, sealed: sealSecret(secret, owner) });
  expect(await works(userId)).toBe(false);
  expect(await resetUserSecret(userId, folder)).toBe("finished");
  expect(await works(userId)).toBe(true);
  expect(await readKeptSecret(folder, userId)).toBeNull();
});

test("a kept secret stays while SnapTrade can't say whether it counts", async () => {
  const { userId, owner, path, folder } = await person();
  await keepSecret(folder, userId, { sentAt, sealed: sealSecret("valid", owner) });
  await emulator.post(`${path}/faults`, {
    endpoint: "list",
    kind: "status",
    status: 500,
    times: 9,
  });
  await expect(resetUserSecret(userId, folder)).rejects.toThrow();
  await emulator.clearFaults(`${path}/faults`);
  expect(await readKeptSecret(folder, userId)).not.toBeNull();
});

test("a kept secret that SnapTrade refuses never replaces one that it accepts", async () => {
  const { userId, owner, folder } = await person();
  await keepSecret(folder, userId, { sentAt, sealed: sealSecret("replaced long ago", owner) });
  expect(await resetUserSecret(userId, folder)).toBe("reset");
  expect(await works(userId)).toBe(true);
});

test("a kept secret that doesn't open is neither stored nor removed, and its key counts as needed", async () => {
  const { userId, owner, folder } = await person();
  await keepSecret(folder, userId, { sentAt, sealed: sealSecret("valid", owner, olderKeys) });
  const before = await rowOf(userId);
  expect(await resetUserSecret(userId, folder)).toBe("unreadable");
  expect(await rowOf(userId)).toEqual(before);
  expect(await readKeptSecret(folder, userId)).not.toBeNull();
  expect(await listKeptUnderOlderKeys(folder)).toEqual([userId]);
});

test("kept secrets under the first key, or none at all, need no older key", async () => {
  const { userId, owner, folder } = await person();
  expect(await listKeptUnderOlderKeys(path.join(folder, "missing"))).toEqual([]);
  await keepSecret(folder, userId, { sentAt, sealed: sealSecret("valid", owner) });
  expect(await listKeptUnderOlderKeys(folder)).toEqual([]);
});

test("a run whose claim another took keeps its secret, and the next run stores it", async () => {
  const { userId, path, folder } = await person();
  const delay = { endpoint: "resetSecret", kind: "delay", after: true, delayMs: 1_000, times: 1 };
  await emulator.post(`${path}/faults`, delay);
  const first = resetUserSecret(userId, folder);
  await expect
    .poll(async () => (await rowOf(userId))?.secretResetSentAt, { timeout: 5_000, interval: 10 })
    .toBeTruthy();
  const db = await database();
  const own = eq(snapTradeUsers.userId, userId);
  await db.update(snapTradeUsers).set({ secretResetSentAt: sentAt }).where(own);
  expect(await first).toBe("running");
  expect(await resetUserSecret(userId, folder)).toBe("finished");
  expect(await works(userId)).toBe(true);
});
