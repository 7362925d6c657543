import "server-only";
import { sql, type SQL } from "drizzle-orm";
import { database } from "@/lib/db/client";
import {
  brokerageAccounts,
  brokerages,
  connections,
  episodes,
  observations,
} from "@/lib/db/schema/connections";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { inboxEvents, webhookEvents } from "@/lib/db/schema/webhooks";

/** One break that was noticed in shadow mode, from what is stored and nothing else. */
export interface ShadowBreak {
  id: string;
  connectionId: string;
  /** The company's own id of the person; null if there is none. */
  owner: string | null;
  brokerage: { id: string; slug: string; name: string };
  /** SnapTrade's clock. */
  brokeAt: Date;
  /**
   * Whether SnapTrade's webhook about it came here. "unknown" if the break began before we knew the
   * connection, was noticed so recently that the webhook may be on its way, or so long ago that its observations
   * aren't kept anymore, or if a webhook that couldn't be read or applied may have been about it.
   */
  announced: "yes" | "no" | "unknown";
  /** Our clock: when that webhook arrived. */
  announcedAt: Date | null;
  /** Our clock: when we first knew, and how. */
  noticedAt: Date;
  noticedBy: "webhook" | "timer" | "person" | "portal";
  /** SnapTrade's clock. */
  endedAt: Date | null;
  endedHow: "fixed" | "deleted" | null;
  /** The date of the newest data, while the break lasts: a repair brings newer data. */
  newestDataAt: Date | null;
}

/** Where a page of the report ended. */
interface Position {
  noticedAt: Date;
  id: string;
}

/** What all breaks of the report add up to. Hours are from the break to what ended them, or until now. */
export interface ShadowSummary {
  breaks: number;
  announced: number;
  neverAnnounced: number;
  announcementUnknown: number;
  repaired: number;
  removed: number;
  open: number;
  /** Of those that were never announced. */
  unannouncedHours: number;
  /** Of all of them. */
  unrepairedHours: number;
  people: number;
  /** People with a break that nobody has repaired. */
  peopleWaiting: number;
}

/** How many breaks one statement adds up, well within its time limit. */
const addedAtOnce = 10_000;

const timestamp = (at: Date) => sql`${at.toISOString()}::timestamptz`;
const ms = (of: SQL) => sql`extract(epoch from ${of})::float8 * 1000`;

/** The breaks after this position, in the order in which we noticed them: one index range. */
function breaksAfter(after: Position | null, limit: number): SQL {
  const later = after
    ? sql`and (noticed_at, id) > (${timestamp(after.noticedAt)}, ${after.id}::uuid)`
    : sql``;
  return sql`(
    select * from ${episodes} where in_shadow ${later} order by noticed_at, id limit ${limit}
  ) as broken`;
}

/**
 * The moment at which the webhook about a break arrived, and whether the observation by which we noticed is still
 * kept. SnapTrade's two dates of a break may differ a little.
 */
const announcement = sql`lateral (
  select min(recorded_at) filter (where report.source = 'webhook') as announced_at,
    coalesce(bool_or(report.recorded_at = broken.noticed_at), false) as is_kept
  from ${observations} as report
  where report.connection_id = broken.connection_id and report.state = 'disabled'
    and report.observed_at >= broken.broke_at - interval '5 seconds'
    and report.observed_at <= coalesce(broken.ended_at, 'infinity')
) as announcement`;

const aroundBreak = sql`event.type = 'CONNECTION_BROKEN' and event.received_at <= broken.noticed_at + interval '1 day'
  and event.received_at >= least(broken.broke_at, broken.noticed_at) - interval '5 seconds'`;

/**
 * Whether a webhook may have reported a break although no observation came of it: one without a usable time only
 * made us look, and one that died was never applied. If nobody could read it, it may be about any connection.
 */
const mayBeAnnounced = sql`(exists (
    select 1 from ${snapTradeUsers} as account join ${webhookEvents} as event on event.snaptrade_user_id = account.snaptrade_user_id
    where account.user_id = broken.user_id and event.connection_id = broken.connection_id and event.outcome = 'looked' and ${aroundBreak}
  ) or exists (
    select 1 from ${snapTradeUsers} as account join ${inboxEvents} as event on event.snaptrade_user_id = account.snaptrade_user_id
    where account.user_id = broken.user_id and event.connection_id = broken.connection_id and event.state = 'dead' and ${aroundBreak}
  ) or exists (
    select 1 from ${inboxEvents} as event where event.state = 'dead' and event.connection_id is null and ${aroundBreak}
  ))`;

/** For an hour after a break was noticed, its webhook may merely be slow. */
const isAnnounced = (now: Date) => sql`case
  when announced_at is not null then 'yes'
  when not is_kept or broken.broke_at <= connection.first_observed_at
    or broken.noticed_at > ${timestamp(now)} - interval '1 hour' then 'unknown'
  when ${mayBeAnnounced} then 'unknown'
  else 'no' end`;

const joined = (broken: SQL) => sql`${broken}
  join ${connections} as connection on connection.id = broken.connection_id
  cross join ${announcement}`;

/** A page of the report: an index range of `limit` entries, and what belongs to them. */
export async function listShadowBreaks(
  after: Position | null,
  limit: number,
  now: Date,
): Promise<ShadowBreak[]> {
  const db = await database();
  const answer: unknown = await db.execute(sql`
    select broken.id, broken.connection_id as "connectionId", person.external_id as owner,
      json_build_object('id', brokerage.id, 'slug', brokerage.slug, 'name', brokerage.name) as brokerage,
      ${ms(sql`broken.broke_at`)} as "brokeAt", ${isAnnounced(now)} as announced,
      ${ms(sql`announced_at`)} as "announcedAt", ${ms(sql`broken.noticed_at`)} as "noticedAt",
      broken.noticed_by as "noticedBy", ${ms(sql`broken.ended_at`)} as "endedAt", broken.ended_how as "endedHow",
      case when broken.ended_at is null then (
        select ${ms(sql`max(holdings_at)`)} from ${brokerageAccounts} where connection_id = broken.connection_id
      ) end as "newestDataAt"
    from ${joined(breaksAfter(after, limit))}
    join ${users} as person on person.id = broken.user_id
    join ${brokerages} as brokerage on brokerage.id = broken.brokerage_id
    order by broken.noticed_at, broken.id`);
  return (answer as { rows: StoredBreak[] }).rows.map((row) => ({
    ...row,
    brokeAt: new Date(row.brokeAt),
    noticedAt: new Date(row.noticedAt),
    announcedAt: dateOf(row.announcedAt),
    endedAt: dateOf(row.endedAt),
    newestDataAt: dateOf(row.newestDataAt),
  }));
}

/** As the database answers, with times in milliseconds. */
type StoredBreak = {
  [Name in keyof ShadowBreak]: Date extends ShadowBreak[Name]
    ? number | Extract<ShadowBreak[Name], null>
    : ShadowBreak[Name];
};

const dateOf = (time: number | null) => (time === null ? null : new Date(time));

/**
 * Adds up the whole report, 10,000 breaks per statement, so that no statement runs into its time limit.
 * @param onProgress called with the number of breaks so far
 */
export async function summarizeShadow(
  now: Date,
  onProgress: (breaks: number) => void = () => undefined,
): Promise<ShadowSummary> {
  const sum = { ...nothing };
  for (let after: Position | null = null, added = addedAtOnce; added === addedAtOnce;) {
    const part: StoredSum = await addUp(after, now);
    for (const name of Object.keys(nothing) as (keyof typeof nothing)[]) sum[name] += part[name];
    added = part.breaks;
    after = part.last === null ? null : { noticedAt: new Date(part.last.ms), id: part.last.id };
    onProgress(sum.breaks);
  }
  return sum;
}

const nothing = {
  breaks: 0,
  announced: 0,
  neverAnnounced: 0,
  announcementUnknown: 0,
  repaired: 0,
  removed: 0,
  open: 0,
  unannouncedHours: 0,
  unrepairedHours: 0,
  people: 0,
  peopleWaiting: 0,
};

/** Whether a break is its person's first in the report, so that people are counted once, range by range. */
const earlier = sql`lateral (
  select count(*) = 0 as is_first, count(*) filter (where other.ended_at is null) = 0 as is_first_open
  from ${connections} as mine join ${episodes} as other on other.connection_id = mine.id
  where mine.user_id = broken.user_id and other.in_shadow and (other.noticed_at, other.id) < (broken.noticed_at, broken.id)
) as earlier`;

type StoredSum = typeof nothing & { last: { ms: number; id: string } | null };

async function addUp(after: Position | null, now: Date): Promise<StoredSum> {
  const db = await database();
  const counted = (which: SQL) => sql`(count(*) filter (where ${which}))::int`;
  const answer: unknown = await db.execute(sql`
    select count(*)::int as breaks, ${counted(sql`announced = 'yes'`)} as announced,
      ${counted(sql`announced = 'no'`)} as "neverAnnounced",
      ${counted(sql`announced = 'unknown'`)} as "announcementUnknown",
      ${counted(sql`ended_how = 'fixed'`)} as repaired, ${counted(sql`ended_how = 'deleted'`)} as removed,
      ${counted(sql`ended_how is null`)} as open,
      coalesce(sum(hours) filter (where announced = 'no'), 0)::float8 as "unannouncedHours",
      coalesce(sum(hours), 0)::float8 as "unrepairedHours",
      ${counted(sql`is_first`)} as people, ${counted(sql`ended_how is null and is_first_open`)} as "peopleWaiting",
      (array_agg(json_build_object('ms', ${ms(sql`noticed_at`)}, 'id', id) order by noticed_at desc, id desc))[1] as last
    from (
      select broken.id, broken.noticed_at, broken.ended_how, is_first, is_first_open, ${isAnnounced(now)} as announced,
        greatest(0, extract(epoch from coalesce(broken.ended_at, ${timestamp(now)}) - broken.broke_at) / 3600) as hours
      from ${joined(breaksAfter(after, addedAtOnce))} cross join ${earlier}
    ) as judged`);
  const [row] = (answer as { rows: StoredSum[] }).rows;
  return row ?? { ...nothing, last: null };
}
