import "server-only";
import { and, eq, inArray, sql, type SQL } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { recentLifetimes } from "@/lib/connections/observations/lifetimes";
import type { ConnectionView } from "@/lib/connections/views";
import { toView } from "./connection-view";
import { findConnections, neverLooked, type ConnectionRow } from "./rows";

/** A connection as its owner's page shows it, and what only the company needs to know. */
export interface CompanyConnection {
  view: ConnectionView;
  /** The company's own id of the owner; null for someone who signed up here. */
  owner: string | null;
  state: ConnectionRow["state"];
  lookedAt: Date | null;
  changedAt: Date;
  episodes: ConnectionRow["episodes"];
}

/** Where a page of a list ended. */
interface Position {
  changedAt: Date;
  id: string;
}

interface Wanted {
  userId?: string;
  state?: ConnectionRow["state"];
  /** Those that changed after it; the database's clock. */
  changedSince?: Date;
  after?: Position;
  limit: number;
}

/**
 * Connections of everyone, those that changed longest ago first. One that changes moves to the end, so a
 * reader who goes on to the end misses none. Costs an index range of `limit` entries, and three statements for
 * what they contain.
 */
export async function listForCompany(wanted: Wanted, now: Date): Promise<CompanyConnection[]> {
  const ids = await findIds(wanted);
  const found = await describe(ids, now);
  return ids.flatMap((id) => found.get(id) ?? []);
}

/** One connection of anyone, with its newest 20 episodes; null if there is none with this id. */
export async function getForCompany(connectionId: string, now: Date): Promise<CompanyConnection | null> {
  return (await describe([connectionId], now)).get(connectionId) ?? null;
}

async function findIds({ userId, state, changedSince, after, limit }: Wanted): Promise<string[]> {
  const db = await database();
  // Of one person's few connections, none may be searched for in the order of everyone's.
  const from = userId
    ? sql`(select id, state, changed_at from ${connections} where user_id = ${userId} offset 0) as own`
    : sql`${connections}`;
  const where: SQL[] = [
    ...(state ? [sql`state = ${state}`] : []),
    ...(changedSince ? [sql`changed_at > ${changedSince.toISOString()}::timestamptz`] : []),
    ...(after
      ? [sql`(changed_at, id) > (${after.changedAt.toISOString()}::timestamptz, ${after.id}::uuid)`]
      : []),
  ];
  const answer: unknown = await db.execute(
    sql`select id from ${from} where ${and(sql`true`, ...where)} order by changed_at, id limit ${limit}`,
  );
  return (answer as { rows: { id: string }[] }).rows.map(({ id }) => id);
}

/**
 * The time before which every change is certain to be visible: a change gets its time before it is committed,
 * so it may appear later than newer ones. The database's clock, with room for a clock that is set back.
 */
export async function changesKnownUntil(): Promise<Date> {
  const db = await database();
  const answer: unknown = await db.execute(sql`
    select extract(epoch from least(clock_timestamp(), min(xact_start)) - interval '5 seconds')::float8 * 1000 as ms
    from pg_stat_activity
    where datname = current_database() and backend_xid is not null and pid <> pg_backend_pid()`);
  const [row] = (answer as { rows: { ms: number }[] }).rows;
  return new Date(row?.ms ?? 0);
}

async function describe(ids: string[], now: Date): Promise<Map<string, CompanyConnection>> {
  if (ids.length === 0) return new Map();
  const rows = await findConnections(inArray(connections.id, ids));
  const owners = await findOwners([...new Set(rows.map(({ userId }) => userId))]);
  const lifetimes = await recentLifetimes();
  // "Reconnected" is news only for people, so the day begins now.
  const moment = { now, dayStartedAt: now };
  const entries = rows.map((row): [string, CompanyConnection] => {
    const owner = owners.get(row.userId);
    const look = owner?.registered && !owner.gone ? owner : neverLooked;
    const view = toView(row, rows, look, lifetimes, moment);
    return [
      row.id,
      {
        view,
        owner: owner?.externalId ?? null,
        state: row.state,
        lookedAt: owner?.lookedAt ?? null,
        changedAt: row.changedAt,
        episodes: row.episodes,
      },
    ];
  });
  return new Map(entries);
}

async function findOwners(userIds: string[]) {
  const db = await database();
  const rows = await db
    .select({
      id: users.id,
      externalId: users.externalId,
      registered: snapTradeUsers.userId,
      gone: snapTradeUsers.goneReason,
      lookedAt: snapTradeUsers.lookedAt,
      lookFailedAt: snapTradeUsers.lookFailedAt,
      lookDueAt: snapTradeUsers.lookDueAt,
    })
    .from(users)
    .leftJoin(snapTradeUsers, eq(snapTradeUsers.userId, users.id))
    .where(inArray(users.id, userIds));
  return new Map(rows.map((row) => [row.id, row]));
}
