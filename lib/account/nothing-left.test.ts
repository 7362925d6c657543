import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { verificationTokens } from "@/lib/db/schema/auth";
import { withDatabase } from "@/lib/testing/with-database";
import { inboxEvents } from "@/lib/db/schema/webhooks";
import { env } from "@/lib/base/env";
import { sendDueNotices } from "@/lib/notifications/send";
import { processInbox } from "@/lib/webhooks/process";
import { deliver, makeEvent } from "@/lib/testing/webhooks";
import { requestForgetting } from "./delete";
import { look } from "@/lib/connections/look/look";
import { openReconnect } from "@/lib/connections/portal/open";
import { requireSnapTradeCredentials } from "@/lib/connections/observations/snaptrade-user";
import { minutes, withOwners } from "@/lib/testing/deletion";

withDatabase();
const { emulator, owner, round } = withOwners();

async function receive(eventType: string, members: object) {
  const { SNAPTRADE_CLIENT_ID: clientId, SNAPTRADE_CONSUMER_KEY: key } = env();
  const event = makeEvent(eventType, new Date(), { clientId, ...members });
  expect(await deliver(event, { key })).toBe("stored");
}

/** Every value in every text-like column of every table, as the database prints it. */
async function dump(): Promise<string> {
  const columns = await rowsOf<{ table: string; column: string }>(sql`
    select table_name as "table", column_name as "column" from information_schema.columns
    where table_schema = 'public' and data_type in ('text', 'json', 'jsonb', 'uuid', 'character varying', 'ARRAY')`);
  expect(columns.length).toBeGreaterThan(40);
  const texts: string[] = [];
  for (const { table, column } of columns) {
    const [row] = await rowsOf<{ text: string }>(
      sql`select coalesce(string_agg(${sql.identifier(column)}::text, ' '), '') as text from ${sql.identifier(table)}`,
    );
    texts.push(row?.text ?? "");
  }
  return texts.join("\n");
}

/** Both drivers return rows; their types don't differ in anything used here. */
async function rowsOf<Row>(query: ReturnType<typeof sql>): Promise<Row[]> {
  const answer: unknown = await (await database()).execute(query);
  return (answer as { rows: Row[] }).rows;
}

test("nothing about a person remains in any table or at SnapTrade, whatever users they had there", async () => {
  const db = await database();
  const { userId, path, snapTradeUserId, connectionId, email } = await owner();
  await emulator.post(`${path}/connections/${connectionId}/break`);
  await look(userId);
  await openReconnect({ userId, connectionId, darkMode: false, now: new Date() });
  await sendDueNotices(minutes(60));
  await receive("CONNECTION_BROKEN", { userId: snapTradeUserId, brokerageAuthorizationId: connectionId });
  await receive("CONNECTION_ATTEMPTED", {
    userId: snapTradeUserId,
    connectionAttemptedResult: "DIFFERENT_ACCOUNT",
  });
  await receive("CONNECTION_UPDATED", { brokerageAuthorizationId: connectionId });
  await emulator.post(`${path}/faults`, { endpoint: "list", kind: "status", status: 401, code: "1083" });
  for (const minute of [0, 2, 8]) await look(userId, minutes(minute));
  const anew = await requireSnapTradeCredentials(userId, minutes(9));
  const second = `/users/${anew.snapTradeUserId}`;
  const { id: secondId } = await emulator.post<{ id: string }>(`${second}/connections`, {
    brokerage: "KRAKEN",
  });
  await look(userId, minutes(9));
  await receive("CONNECTION_ADDED", { userId: anew.snapTradeUserId, brokerageAuthorizationId: secondId });
  await processInbox();
  // How the inbox stores an event whose content the database rejected.
  const payload = JSON.stringify({ userId: snapTradeUserId, brokerageAuthorizationId: connectionId });
  const refused = {
    id: randomUUID(),
    type: "CONNECTION_BROKEN",
    payload,
    state: "dead" as const,
  };
  await db.insert(inboxEvents).values({ ...refused, receivedAt: minutes(9), runAt: minutes(9) });
  await db
    .insert(verificationTokens)
    .values({ identifier: email, token: randomUUID(), expires: minutes(15) });
  const traces = [email, userId, snapTradeUserId, anew.snapTradeUserId, connectionId, secondId];
  const before = await dump();
  for (const trace of traces) expect(before).toContain(trace);

  await requestForgetting(userId, minutes(10));
  await db
    .insert(verificationTokens)
    .values({ identifier: email, token: randomUUID(), expires: minutes(15) });
  for (const name of [path, second]) await emulator.post(`${name}/advance`, { seconds: 60 });
  expect(await round(minutes(11))).toMatchObject({ forgotten: 1 });
  const after = await dump();
  for (const trace of traces) expect(after).not.toContain(trace);
  expect(await emulator.get("/users")).toEqual([]);

  // SnapTrade's own event about the deletion, and events that were delayed.
  const late = { userId: snapTradeUserId, brokerageAuthorizationId: connectionId };
  for (const type of ["USER_DELETED", "CONNECTION_DELETED", "ACCOUNT_HOLDINGS_UPDATED", "SOMETHING_NEW"])
    await receive(type, late);
  await receive("CONNECTION_ATTEMPTED", {
    userId: snapTradeUserId,
    connectionAttemptedResult: "DIFFERENT_ACCOUNT",
  });
  await receive("CONNECTION_UPDATED", { brokerageAuthorizationId: connectionId });
  await processInbox();
  const later = await dump();
  for (const trace of traces) expect(later).not.toContain(trace);
});
