import { createHash, randomBytes } from "node:crypto";
import { asc, eq, sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { project } from "@/lib/connections/observations/project";
import { database } from "@/lib/db/client";
import { sessions, verificationTokens } from "@/lib/db/schema/auth";
import { episodes, observations } from "@/lib/db/schema/connections";
import { formerSnapTradeUsers } from "@/lib/db/schema/former-users";
import { incidents } from "@/lib/db/schema/incidents";
import { fixLinks, notices } from "@/lib/db/schema/notices";
import { portalSessions, reconnectQueues } from "@/lib/db/schema/portal";
import { makeConnections } from "@/lib/testing/webhooks";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { removeOld } from "./retention";

withDatabase();

const hash = (text: string) => createHash("sha256").update(text).digest("hex");

const now = new Date();
const ago = (days: number) => new Date(now.getTime() - days * 86_400_000);
const soon = new Date(now.getTime() + 60_000);
const remove = (at = now) => removeOld(at, 60_000);

describe("what is past its time is removed, and what is still needed stays:", () => {
  test("sessions that ended because nobody used them, and sign-in links", async () => {
    const db = await database();
    const userId = await makeUser();
    const open = await makeSession(userId, ago(13));
    await makeSession(userId, ago(15));
    await db.insert(verificationTokens).values([
      { identifier: open, token: open, expires: soon },
      { identifier: "over", token: "over", expires: ago(0.001) },
    ]);
    expect(await remove()).toMatchObject({ failed: [], removed: { sessions: 1, verification_tokens: 1 } });
    expect((await db.select().from(sessions)).map(({ tokenHash }) => tokenHash)).toEqual([open]);
    expect((await db.select().from(verificationTokens)).map(({ token }) => token)).toEqual([open]);
  });

  test("fix links that expired", async () => {
    const { userId, episodeId } = await makeEpisode(null);
    const db = await database();
    await db.insert(fixLinks).values([
      { tokenHash: hash("valid"), userId, episodeId, expiresAt: soon },
      { tokenHash: hash("over"), userId, episodeId, expiresAt: ago(1) },
      { tokenHash: hash("used"), userId, episodeId, expiresAt: ago(1), usedAt: ago(2) },
    ]);
    expect((await remove()).removed.fix_links).toBe(2);
    expect((await db.select().from(fixLinks)).map(({ tokenHash }) => tokenHash)).toEqual([hash("valid")]);
  });

  test("notices about breaks that ended long ago; unsent ones and those of an open break stay", async () => {
    const db = await database();
    const [ended, open, lately] = [
      await makeEpisode(ago(401)),
      await makeEpisode(null),
      await makeEpisode(ago(1)),
    ];
    const old = { createdAt: ago(401), runAt: ago(401) };
    await db.insert(notices).values([
      { ...ended, ...old, kind: "broke", mail: "sent" },
      { ...ended, ...old, kind: "fixed", mail: "cancelled", readAt: ago(400) },
      { ...ended, ...old, kind: "reminder-3", mail: "leaving" },
      { ...open, ...old, kind: "broke", mail: "sent" },
      { ...lately, ...old, kind: "broke", mail: "unknown" },
      { ...ended, createdAt: ago(399), runAt: ago(399), kind: "reminder-7", mail: "sent" },
    ]);
    expect((await remove()).removed.notices).toBe(2);
    const left = await db
      .select({ episodeId: notices.episodeId, kind: notices.kind })
      .from(notices)
      .orderBy(asc(notices.createdAt), asc(notices.kind));
    expect(left).toHaveLength(4);
    expect(left).toEqual(
      expect.arrayContaining([
        { episodeId: ended.episodeId, kind: "reminder-3" },
        { episodeId: ended.episodeId, kind: "reminder-7" },
        { episodeId: open.episodeId, kind: "broke" },
        { episodeId: lately.episodeId, kind: "broke" },
      ]),
    );
  });

  test("old notices that are still needed don't hold up the others, however many there are", async () => {
    const db = await database();
    const owner = await makeConnections(2, ago(500));
    const [open, ended] = owner.ids;
    await db.execute(sql`
      with broken as (
        insert into episodes (user_id, brokerage_id, connection_id, broke_at, noticed_at, noticed_by, ended_at, ended_how)
        select ${owner.userId}::uuid, ${owner.brokerageId}::uuid, ${ended ?? ""}::uuid, at, at, 'webhook', at, 'fixed'
        from (select now() - interval '450 days' + n * interval '1 second' as at from generate_series(1, 5001) as n) as moments
        returning id, broke_at
      )
      insert into notices (user_id, brokerage_id, episode_id, kind, created_at, run_at, mail)
      select ${owner.userId}::uuid, ${owner.brokerageId}::uuid, id, 'broke', broke_at, broke_at, 'sent' from broken`);
    // All but the newest are open again, as it were.
    await db.execute(sql`
      update episodes set ended_at = now() where connection_id = ${ended ?? ""}::uuid
        and broke_at < (select max(broke_at) from episodes where connection_id = ${ended ?? ""}::uuid)`);
    expect(open).toBeDefined();
    const removed = [await remove(), await remove(), await remove()].map((one) => one.removed.notices);
    expect(removed).toEqual([undefined, 1, undefined]);
  });

  test("queues, and portal sessions that changed nothing; open and successful ones stay", async () => {
    const db = await database();
    const userId = await makeUser();
    const [old, recent] = await db
      .insert(reconnectQueues)
      .values([
        { userId, connectionIds: [], startedAt: ago(8) },
        { userId, connectionIds: [], startedAt: ago(6) },
      ])
      .returning();
    const session = { userId, intent: "connect" as const, startedAt: ago(200) };
    await db
      .insert(portalSessions)
      .values([
        { ...session, outcome: "failed", endedAt: ago(181) },
        { ...session, outcome: "replaced", endedAt: ago(181) },
        { ...session, outcome: "failed", endedAt: ago(179), queueId: old?.id },
        { ...session, outcome: "fixed", endedAt: ago(900) },
        { ...session, outcome: "connected", endedAt: ago(900) },
        session,
      ]);
    expect((await remove()).removed).toMatchObject({ reconnect_queues: 1, portal_sessions: 2 });
    expect((await db.select().from(reconnectQueues)).map(({ id }) => id)).toEqual([recent?.id]);
    const left = await db.select().from(portalSessions).where(eq(portalSessions.userId, userId));
    expect(left.map(({ outcome }) => outcome ?? "open").sort()).toEqual([
      "connected",
      "failed",
      "fixed",
      "open",
    ]);
    expect(left.map(({ queueId }) => queueId)).toEqual([null, null, null, null]);
  });

  test("observations before the last old one that found the connection working; its state and later breaks stay the same", async () => {
    const db = await database();
    const owner = await makeConnections(1, ago(700));
    const [connectionId = ""] = owner.ids;
    const about = (days: number, state: "enabled" | "disabled" | "deleted") => ({
      connectionId,
      state,
      observedAt: ago(days),
      answeredAt: null,
      disabledAt: null,
      source: "webhook" as const,
      recordedAt: ago(days),
    });
    await db
      .insert(observations)
      .values([
        about(650, "disabled"),
        about(600, "enabled"),
        about(500, "disabled"),
        about(450, "enabled"),
        about(420, "disabled"),
        about(300, "enabled"),
        about(200, "disabled"),
      ]);
    const own = () =>
      db
        .select()
        .from(observations)
        .where(eq(observations.connectionId, connectionId))
        .orderBy(asc(observations.observedAt));
    const before = project(await own());
    // One call begins at a random connection; the next begins at the first.
    const removed = [(await remove()).removed.observations, (await remove()).removed.observations];
    expect(removed.reduce<number>((sum, one) => sum + (typeof one === "number" ? one : 0), 0)).toBe(4);
    const left = await own();
    expect(left.map(({ observedAt }) => observedAt)).toEqual([450, 420, 300, 200].map(ago));
    const after = project(left);
    expect(after).toEqual({ ...before, episodes: before.episodes.slice(2) });
  });

  test("no observation of a connection that was ever reported deleted, because repairs may count only since a read undid that", async () => {
    const db = await database();
    const owner = await makeConnections(1, ago(10));
    const [connectionId = ""] = owner.ids;
    await db.delete(observations).where(eq(observations.connectionId, connectionId));
    const about = (days: number, state: "enabled" | "disabled" | "deleted", source: "webhook" | "timer") => ({
      connectionId,
      state,
      source,
      observedAt: ago(days),
      answeredAt: null,
      disabledAt: null,
      recordedAt: ago(days),
    });
    await db
      .insert(observations)
      .values([
        about(650, "disabled", "webhook"),
        about(640, "deleted", "webhook"),
        about(600, "enabled", "timer"),
        about(500, "disabled", "webhook"),
        about(450, "enabled", "webhook"),
      ]);
    const own = () => db.select().from(observations).where(eq(observations.connectionId, connectionId));
    const before = project(await own());
    for (let call = 0; call < 2; call++) await remove();
    expect(project(await own())).toEqual(before);
    expect(before.state).toBe("enabled");
  });

  test("incidents and former users, long after their end", async () => {
    const db = await database();
    const { brokerageId } = await makeConnections(1, now);
    const userId = await makeUser();
    const incident = { brokerageId, beganAt: ago(500), lastSeenAt: ago(500) };
    await db.insert(incidents).values([
      { ...incident, endedAt: ago(401) },
      { ...incident, endedAt: ago(399) },
      { ...incident, endedAt: null },
    ]);
    const former = { userId, why: "refused" as const, since: ago(500), runAt: ago(500) };
    await db.insert(formerSnapTradeUsers).values([
      { ...former, snapTradeUserId: "over", deletedAt: ago(181) },
      { ...former, snapTradeUserId: "recent", deletedAt: ago(179) },
      { ...former, snapTradeUserId: "not deleted", deletedAt: null },
    ]);
    expect((await remove()).removed).toMatchObject({ incidents: 1, former_snaptrade_users: 1 });
    expect(await db.$count(incidents)).toBe(2);
    expect((await db.select().from(formerSnapTradeUsers)).map((row) => row.snapTradeUserId).sort()).toEqual([
      "not deleted",
      "recent",
    ]);
  });
});

describe("removal", () => {
  test("from a table that fails is reported under the table's name, and stops no other", async () => {
    const db = await database();
    const userId = await makeUser();
    await makeSession(userId, ago(15));
    await db.execute(sql`alter table fix_links rename to fix_links_away`);
    try {
      expect(await remove()).toMatchObject({ failed: ["fix_links"], removed: { sessions: 1 } });
    } finally {
      await db.execute(sql`alter table fix_links_away rename to fix_links`);
    }
  });

  test("continues in the next call with the tables that it didn't reach", async () => {
    const db = await database();
    const userId = await makeUser();
    await db.delete(sessions);
    await makeSession(userId, ago(15));
    for (let call = 0; call < 20 && (await db.$count(sessions)) > 0; call++) await removeOld(now, 0);
    expect(await db.$count(sessions)).toBe(0);
  });

  test("by a process whose clock is years ahead removes nothing too early", async () => {
    const db = await database();
    const userId = await makeUser();
    const tokenHash = await makeSession(userId, now);
    expect(await remove(ago(-4_000))).toMatchObject({ failed: [], removed: {} });
    expect(await db.$count(sessions, eq(sessions.tokenHash, tokenHash))).toBe(1);
  });
});

/** @returns what the session's row is known by */
async function makeSession(userId: string, lastUsedAt: Date): Promise<string> {
  const tokenHash = randomBytes(32).toString("hex");
  await (await database()).insert(sessions).values({ tokenHash, userId, createdAt: lastUsedAt, lastUsedAt });
  return tokenHash;
}

/** Stores an episode for a new person. @returns the columns that its notices need */
async function makeEpisode(endedAt: Date | null) {
  const db = await database();
  const { userId, brokerageId, ids } = await makeConnections(1, ago(500));
  const began = { brokeAt: ago(450), noticedAt: ago(450), noticedBy: "webhook" as const };
  const endedHow = endedAt && "fixed";
  const [episode] = await db
    .insert(episodes)
    .values({ userId, brokerageId, connectionId: ids[0] ?? "", ...began, endedAt, endedHow })
    .returning();
  return { userId, brokerageId, episodeId: episode?.id ?? "" };
}
