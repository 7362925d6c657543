import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { eq, sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import {
  getSnapTradeCredentials,
  requireSnapTradeCredentials,
} from "@/lib/connections/observations/snaptrade-user";
import { database, transaction } from "@/lib/db/client";
import { formerSnapTradeUsers } from "@/lib/db/schema/former-users";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { listConnections } from "@/lib/snaptrade/connections";
import { withConnecting } from "@/lib/testing/connections";
import { makeUser, withDatabase } from "@/lib/testing/with-database";

const { emulator } = withConnecting();
withDatabase();

const soon = { timeout: 20_000, interval: 20 };
const fileOf = (userId: string) => `.data/secret-resets/${userId}.json`;
const isKept = (userId: string) =>
  readFile(fileOf(userId), "utf8").then(
    () => true,
    () => false,
  );

async function person() {
  const userId = await makeUser({ registered: false });
  const { snapTradeUserId, userSecret } = await requireSnapTradeCredentials(userId, new Date());
  return { userId, snapTradeUserId, userSecret, path: `/users/${snapTradeUserId}` };
}

/** `npm run users:reset-secret -- <id>` in a process that can be killed. */
function command(userId: string) {
  const args = [
    "--conditions=react-server",
    "--import",
    "tsx",
    "lib/account/reset-secret-command.ts",
    userId,
  ];
  const child = spawn(process.execPath, args, { env: process.env, stdio: ["ignore", "pipe", "pipe"] });
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  const exited = once(child, "exit");
  return {
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    async said() {
      await exited;
      return (await output).join("");
    },
  };
}
const run = (userId: string) => command(userId).said();

const rowOf = async (userId: string) => {
  const rows = await (
    await database()
  )
    .select()
    .from(snapTradeUsers)
    .where(eq(snapTradeUsers.userId, userId));
  return rows[0];
};
const sent = async (userId: string) => Boolean((await rowOf(userId))?.secretResetSentAt);
/** As if two minutes had passed since an interrupted run. */
const letLeaseEnd = async (userId: string) =>
  (await database())
    .update(snapTradeUsers)
    .set({ secretResetSentAt: sql`secret_reset_sent_at - interval '3 minutes'` })
    .where(eq(snapTradeUsers.userId, userId));

/** Starts the command, and calls `work` once it has kept the new secret but can't store it. */
async function withNewSecretInHand(
  userId: string,
  path: string,
  work: (started: ReturnType<typeof command>) => Promise<unknown>,
) {
  const delay = { endpoint: "resetSecret", kind: "delay", after: true, delayMs: 1_000, times: 1 };
  await emulator.post(`${path}/faults`, delay);
  const started = command(userId);
  await expect.poll(() => sent(userId), soon).toBe(true);
  await transaction(async (tx) => {
    await tx.select().from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId)).for("update");
    await expect.poll(() => isKept(userId), soon).toBe(true);
    await work(started);
  });
  return started;
}

async function expectWorking(userId: string, oldSecret: string) {
  const credentials = await getSnapTradeCredentials(userId);
  expect(credentials?.userSecret).not.toBe(oldSecret);
  if (credentials) await listConnections(credentials);
  expect(await rowOf(userId)).toMatchObject({ secretResetSentAt: null, goneAt: null });
  expect(await isKept(userId)).toBe(false);
}

describe("resetting one person's SnapTrade secret", { timeout: 60_000 }, () => {
  test("stores the new secret, which works from then on", async () => {
    const { userId, userSecret } = await person();
    expect(await run(userId)).toContain("it is stored");
    await expectWorking(userId, userSecret);
  });

  test("a run killed before SnapTrade resets the secret changes nothing, and the next run works", async () => {
    const { userId, userSecret, path } = await person();
    await emulator.post(`${path}/faults`, { endpoint: "resetSecret", kind: "hang", times: 1 });
    const first = command(userId);
    await expect.poll(() => sent(userId), soon).toBe(true);
    await first.kill();
    await emulator.clearFaults(`${path}/faults`);
    expect(await run(userId)).toContain("less than two minutes ago");
    await letLeaseEnd(userId);
    expect(await run(userId)).toContain("it is stored");
    await expectWorking(userId, userSecret);
  });

  test("after a run killed with the answer on its way, the person is asked to connect again, and can", async () => {
    const { userId, snapTradeUserId, path } = await person();
    await emulator.post(`${path}/faults`, {
      endpoint: "resetSecret",
      kind: "delay",
      after: true,
      delayMs: 60_000,
      times: 1,
    });
    const first = command(userId);
    await expect.poll(() => sent(userId), soon).toBe(true);
    await expect.poll(() => isRefused(userId), soon).toBe(true);
    await first.kill();
    await letLeaseEnd(userId);
    expect(await run(userId)).toContain("asks the person to connect again");
    expect(await rowOf(userId)).toMatchObject({ goneReason: "refused" });
    const again = await requireSnapTradeCredentials(userId, new Date());
    expect(again.snapTradeUserId).not.toBe(snapTradeUserId);
    const former = await (
      await database()
    )
      .select()
      .from(formerSnapTradeUsers)
      .where(eq(formerSnapTradeUsers.snapTradeUserId, snapTradeUserId));
    expect(former).toMatchObject([{ why: "refused" }]);
  });

  test("after a run killed with the new secret in hand and the database away, the next run stores it", async () => {
    const { userId, userSecret, path } = await person();
    await withNewSecretInHand(userId, path, (first) => first.kill());
    expect(await readFile(fileOf(userId), "utf8")).toMatch(/"sealed":"test\./);
    expect(await run(userId)).toContain("an interrupted run had kept is stored now");
    await expectWorking(userId, userSecret);
  });

  test("a kept secret that is already stored, or that a later reset replaced, is never stored again", async () => {
    const { userId, userSecret, path } = await person();
    const first = await withNewSecretInHand(userId, path, () =>
      copyFile(fileOf(userId), `${fileOf(userId)}.copy`),
    );
    expect(await first.said()).toContain("it is stored");
    expect(await run(userId)).toContain("it is stored");
    const newest = await getSnapTradeCredentials(userId);
    // As if the first run had been killed before it could remove its file.
    await copyFile(`${fileOf(userId)}.copy`, fileOf(userId));
    expect(await run(userId)).toContain("it is stored");
    await expectWorking(userId, newest?.userSecret ?? userSecret);
  });

  test("of two runs at once, one resets and the other leaves it alone", async () => {
    const { userId, userSecret } = await person();
    const said = await Promise.all([run(userId), run(userId)]);
    expect(said.some((words) => words.includes("it is stored"))).toBe(true);
    await expectWorking(userId, userSecret);
  });

  test("a refusal by SnapTrade leaves no trace, and the current secret keeps working", async () => {
    const { userId, userSecret, path } = await person();
    await emulator.post(`${path}/faults`, { endpoint: "resetSecret", kind: "status", status: 400, times: 1 });
    expect(await run(userId)).toContain("SnapTrade didn't answer as expected");
    expect(await rowOf(userId)).toMatchObject({ secretResetSentAt: null });
    expect((await getSnapTradeCredentials(userId))?.userSecret).toBe(userSecret);
  });

  async function isRefused(userId: string): Promise<boolean> {
    const credentials = await getSnapTradeCredentials(userId);
    return credentials === null
      ? false
      : listConnections(credentials).then(
          () => false,
          () => true,
        );
  }
});
