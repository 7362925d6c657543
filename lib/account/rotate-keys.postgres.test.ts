import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { eq, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { env } from "@/lib/base/env";
import { boundTo } from "@/lib/connections/observations/snaptrade-user";
import { database } from "@/lib/db/client";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { openSecret, sealSecret } from "@/lib/snaptrade/user-secret";
import { openDirect } from "@/lib/testing/direct";
import { testSettings } from "@/lib/testing/unique";
import { withDatabase } from "@/lib/testing/with-database";
import { rotateKeys, userSecrets } from "./rotate-keys";

const key = (fill: number) => Buffer.alloc(32, fill).toString("base64");
Object.assign(process.env, testSettings, { ENCRYPTION_KEYS: `new:${key(2)},old:${key(1)}` });
withDatabase();

const people = 20_000;

async function makePeople() {
  const db = await database();
  for (let made = 0; made < people; made += 2_000) {
    const owners = Array.from({ length: 2_000 }, () => ({
      id: randomUUID(),
      email: `${randomUUID()}@example.com`,
    }));
    await db.insert(users).values(owners);
    await db.insert(snapTradeUsers).values(
      owners.map(({ id: userId }) => {
        const snapTradeUserId = randomUUID();
        const sealedSecret = sealSecret(
          userId,
          boundTo(userId, snapTradeUserId),
          env().ENCRYPTION_KEYS.slice(1),
        );
        return { userId, snapTradeUserId, sealedSecret, registeredAt: new Date() };
      }),
    );
  }
}

/** `npm run keys:rotate` */
function start() {
  const args = ["--conditions=react-server", "--import", "tsx", "lib/account/rotate-keys-command.ts"];
  const child = spawn(process.execPath, args, { env: process.env, stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  createInterface(child.stdout).on("line", (line) => lines.push(line));
  const exit = once(child, "exit") as Promise<[number | null]>;
  return { child, ended: async () => ({ code: (await exit)[0], lines }) };
}

/** Starts the command, and kills it when it has come to this person. */
async function killAt(userId: string) {
  const direct = await openDirect();
  await direct.query(`select pg_advisory_lock(1)`);
  await direct.query(`create function wait_here() returns trigger language plpgsql set lock_timeout = 0 as
    $$ begin perform pg_advisory_xact_lock(1); return new; end $$`);
  await direct.query(`create trigger wait_here before update on snaptrade_users for each row
    when (new.user_id = '${userId}') execute function wait_here()`);
  const { child, ended } = start();
  const waiting = "from pg_locks where locktype = 'advisory' and not granted";
  await expect
    .poll(async () => (await direct.query(`select 1 ${waiting}`)).rowCount, { timeout: 90_000 })
    .toBe(1);
  child.kill("SIGKILL");
  const { code } = await ended();
  // What the command has asked for is not carried out after all.
  await direct.query(`select pg_terminate_backend(pid) ${waiting}`);
  await expect.poll(async () => (await direct.query(`select 1 ${waiting}`)).rowCount).toBe(0);
  await direct.query("drop trigger wait_here on snaptrade_users");
  await direct.end();
  return code;
}

const countNew = async () => {
  const rows = await (await database()).select().from(snapTradeUsers);
  for (const { userId, snapTradeUserId, sealedSecret } of rows)
    expect(openSecret(sealedSecret, boundTo(userId, snapTradeUserId))).toBe(userId);
  return rows.filter(({ sealedSecret }) => sealedSecret.startsWith("new.")).length;
};

test(
  "the command, killed halfway and run again, reseals each secret once",
  { timeout: 240_000 },
  async () => {
    await makePeople();
    const { userId = "" } =
      (await (
        await database()
      ).query.snapTradeUsers.findFirst({
        orderBy: (row, { asc }) => asc(row.userId),
        offset: people / 2,
      })) ?? {};
    // Not 0, even if it ended by itself, because its statement had waited too long before it was killed.
    expect(await killAt(userId)).not.toBe(0);
    const done = await countNew();
    expect(done).toBe(people / 2);
    const again = await start().ended();
    expect(again.code).toBe(0);
    expect(again.lines).toContain(
      `${people - done} secrets resealed, 0 left under an older key, 0 unreadable.`,
    );
    expect(await countNew()).toBe(people);
  },
);

test(
  "a row that a transaction holds is neither waited for nor overwritten",
  { timeout: 120_000 },
  async () => {
    const db = await database();
    const [held] = await db.select().from(snapTradeUsers).limit(1);
    const { userId = "", snapTradeUserId = "" } = held ?? {};
    const sealed = (secret: string) =>
      sealSecret(secret, boundTo(userId, snapTradeUserId), env().ENCRYPTION_KEYS.slice(1));
    const own = eq(snapTradeUsers.userId, userId);
    await db
      .update(snapTradeUsers)
      .set({ sealedSecret: sealed("first") })
      .where(own);
    // A session without limits: five passes over everyone may take longer than our transactions are allowed to.
    const holder = await openDirect();
    await holder.query("begin");
    await holder.query("update snaptrade_users set sealed_secret = $1 where user_id = $2", [
      sealed("second"),
      userId,
    ]);
    expect(await rotateKeys(userSecrets)).toMatchObject({ resealed: 0, left: 1 });
    await holder.query("commit");
    await holder.end();
    const [row] = await db.select().from(snapTradeUsers).where(own);
    expect(openSecret(row?.sealedSecret ?? "", boundTo(userId, snapTradeUserId))).toBe("second");
    expect(await rotateKeys(userSecrets)).toMatchObject({ resealed: 1, left: 0 });
  },
);

test("a batch reads a range of the primary key, however much is done already", async () => {
  const db = await database();
  await db.execute(sql`analyze snaptrade_users`);
  const plan: unknown = await db.execute(sql`explain select user_id, snaptrade_user_id, sealed_secret
    from snaptrade_users where user_id > '80000000-0000-4000-8000-000000000000' order by user_id limit 500`);
  const lines = JSON.stringify((plan as { rows: unknown[] }).rows);
  expect(lines).toContain("Index Scan using snaptrade_users_pkey");
  expect(lines).not.toContain("Seq Scan");
});
