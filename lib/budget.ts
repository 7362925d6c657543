import "server-only";
import { AsyncLocalStorage } from "node:async_hooks";
import { sql, type SQL } from "drizzle-orm";
import { z } from "zod";
import { env } from "./base/env";
import { count } from "./base/telemetry";
import { database } from "./db/client";

/**
 * SnapTrade's documented limit (docs/snaptrade.md §1.10), used until its headers report another one, and
 * again when those are out of date.
 */
const documentedPerMinute = 250;
/** The background's maximum share; the rest is always free for people. */
const backgroundShare = 0.6;
/** The background's guaranteed share, which people can't use up, so that rounds still run. */
const reservedShare = 0.2;
/**
 * One person's share of the limit, but at least `personPerMinute`: an open dialog asks 20 times a minute, and
 * twice that leaves room for clicks.
 */
const personShare = 0.16;
const personPerMinute = 40;

/** However small our share, so that people and the background's reserve each get at least one call. */
const minOwnPerMinute = 5;

const believable = { minPerMinute: 10, maxPerMinute: 100_000, maxWaitSeconds: 120 };
const firstWaitSeconds = 5;
const maxOwnWaitSeconds = 60;
/**
 * Each lost race means that another request was admitted, so this many in a row are a whole minute's traffic.
 */
const maxRaces = 300;

/**
 * Whether a request may be sent now, and under which call id; if not, how many seconds to wait. `limitedBy`
 * is "person" if only this person has asked too often and anyone else would be admitted.
 */
export type Admission =
  | { admitted: true; callId: number }
  | { admitted: false; retryAfterSeconds: number; limitedBy: "person" | "everybody" };

/**
 * Whether the current work is background work. Implicit, because it would otherwise have to be passed through
 * every function on the way to a request.
 */
const background = new AsyncLocalStorage<true>();

/**
 * Charges every SnapTrade call in `work` to the background, which has a limited share and yields to people.
 */
export function inBackground<T>(work: () => Promise<T>): Promise<T> {
  return background.run(true, work);
}

/**
 * Admits one SnapTrade call to the budget that all processes share: a rolling minute, kept in the database
 * and on its clock (docs/snaptrade.md §1.10). The background is admitted within its share while enough is
 * left for people, and always within its reserve. A person is admitted while they are below their own limit
 * and below half of what is left for all people, so shares shrink as the minute fills up. One statement
 * counts on a snapshot and takes the slot only if no one was admitted since; it holds a row lock only while
 * it runs.
 * @param person the person to charge, as any stable key; null for calls not tied to a person, which share one
 * person's limit
 */
export async function admit(person: string | null = null): Promise<Admission> {
  const admission = await askToAdmit(person);
  count("reconnect.budget.calls", {
    audience: background.getStore() ? "background" : "people",
    result: admission.admitted ? "admitted" : `refused-${admission.limitedBy}`,
  });
  return admission;
}

async function askToAdmit(person: string | null): Promise<Admission> {
  const inBackground = background.getStore() ?? false;
  const db = await database();
  for (let race = 0; race < maxRaces; race += 1) {
    const usage = readUsage(
      await db.execute(sql`
        with ${usageOf(person, inBackground)},
        taken as (
          update snaptrade_limits set sequence = snaptrade_limits.sequence + 1 from usage
          where snaptrade_limits.id = 1 and snaptrade_limits.sequence = usage.sequence and usage.room >= 1
          returning snaptrade_limits.id
        ),
        call as (
          insert into snaptrade_calls (at, background, person) select now(), ${inBackground}::boolean, ${person}::text from taken returning id
        )
        select usage.*, (select id from call) as call_id from usage`),
    );
    if (usage.call_id !== null) return { admitted: true, callId: usage.call_id };
    if (usage.room < 1)
      return {
        admitted: false,
        retryAfterSeconds: usage.wait_seconds,
        limitedBy: usage.own_limit ? "person" : "everybody",
      };
  }
  return { admitted: false, retryAfterSeconds: 1, limitedBy: "everybody" };
}

/**
 * How many requests the background may make right now. For planning only: each request is still admitted
 * individually.
 */
export async function roomForBackground(): Promise<number> {
  const db = await database();
  return readUsage(
    await db.execute(sql`with ${usageOf(null, true)} select usage.*, null as call_id from usage`),
  ).room;
}

/** The background's maximum number of requests per minute. */
export async function backgroundPerMinute(): Promise<number> {
  const db = await database();
  const usage = readUsage(
    await db.execute(sql`with ${usageOf(null, true)} select usage.*, null as call_id from usage`),
  );
  return Math.floor(usage.per_minute * backgroundShare);
}

const seconds = (count: number) => sql`interval '1 second' * ${sql.raw(String(count))}`;
/** A time further ahead than we ever set comes from a faulty clock and is ignored. */
const isAhead = (time: SQL) =>
  sql`coalesce(${time} > now() and ${time} <= now() + ${seconds(believable.maxWaitSeconds + 1)}, false)`;
const share = (part: number) => sql`floor(capacity * ${sql.raw(String(part))})`;

/** Our part of SnapTrade's limit; the company's own servers use the rest of it with the same client id. */
const ownShare = () => sql.raw(String(env().SNAPTRADE_BUDGET_SHARE));

/** The usage of the current minute and what is left of it, as the one-row table expression "usage". */
function usageOf(person: string | null, inBackground: boolean): SQL {
  return sql`
    reported as materialized (
      select sequence, remaining_until, remaining_call_id, remaining_heard_at,
        greatest(${sql.raw(String(minOwnPerMinute))}, floor(${ownShare()} * case when per_minute_until is null or per_minute_until > now() then per_minute else ${sql.raw(String(documentedPerMinute))} end))::int as per_minute,
        case when ${isAhead(sql`remaining_until`)} then remaining end as remaining,
        ${inBackground ? backgroundBlockedUntil : sql`blocked_until`} as blocked_until
      from snaptrade_limits where id = 1
    ),
    counted as (
      select reported.*, calls.* from reported cross join lateral (
        select count(*)::int as everybodys,
          (count(*) filter (where background))::int as backgrounds,
          (count(*) filter (where person is not distinct from ${person}::text and not background))::int as own,
          (count(*) filter (where answered_at is null or id > remaining_call_id or answered_at > remaining_heard_at))::int as unreported,
          min(at) as oldest,
          min(at) filter (where person is not distinct from ${person}::text and not background) as own_oldest
        from snaptrade_calls where at > now() - ${seconds(60)}
      ) calls
    ),
    measured as (
      select *, least(per_minute - everybodys, remaining - unreported) as left_over,
        greatest(0, least(per_minute, remaining - unreported + everybodys)) as capacity,
        ${isAhead(sql`blocked_until`)} as blocked
      from counted
    ),
    shared as (
      select *,
        left_over - greatest(0, ${share(reservedShare)} - backgrounds) as people_left,
        greatest(
          least(${share(backgroundShare)} - backgrounds, left_over - (capacity - ${share(backgroundShare)})),
          least(${share(reservedShare)} - backgrounds, left_over)
        ) as background_room
      from measured
    ),
    limited as (
      select *, ${inBackground ? sql`background_room` : personRoom} as open_room from shared
    ),
    usage as materialized (
      select sequence, per_minute, greatest(0, case when blocked then 0 else open_room end)::int as room,
        not blocked and ${!inBackground}::boolean and people_left >= 1 as own_limit,
        extract(epoch from case
          when blocked then blocked_until
          when ${!inBackground}::boolean and people_left >= 1 then own_oldest + ${seconds(60)}
          when remaining - unreported < per_minute - everybodys then remaining_until
          else oldest + ${seconds(60)}
        end - now())::float8 as wait_seconds
      from limited
    )`;
}

/**
 * At most half of what is left, so that a person who hasn't asked yet always finds room, however fast others
 * ask.
 */
const personRoom = sql`
  case when people_left < 1 then 0
  else least(greatest(${sql.raw(String(personPerMinute))}, floor(per_minute * ${sql.raw(String(personShare))})), ceil(people_left / 2.0)) - own end`;

/** After a refusal people try again first; the background waits twice as long. */
const backgroundBlockedUntil = sql`
  case when blocked_until is not null then
    greatest(blocked_until, least(blocked_until + (blocked_until - refused_at), refused_at + ${seconds(believable.maxWaitSeconds)})) end`;

const usageRows = z.object({
  rows: z.tuple([
    z.object({
      per_minute: z.coerce.number(),
      room: z.coerce.number(),
      own_limit: z.boolean(),
      wait_seconds: z
        .number()
        .nullable()
        .transform((wait) => Math.ceil(waitOf(wait) ?? 1)),
      call_id: z.coerce.number().nullable(),
    }),
  ]),
});

function readUsage(result: unknown) {
  return usageRows.parse(result).rows[0];
}

/**
 * Records that a call was answered, and what its headers report about the limit (docs/snaptrade.md §1.11).
 * Missing or absurd values change nothing, and no value counts for longer than two minutes.
 */
export async function recordLimits(
  callId: number,
  reported: { limit?: number; remaining?: number; resetSeconds?: number } = {},
): Promise<void> {
  const limit = believableLimit(reported.limit);
  const remaining = isCount(reported.remaining) ? reported.remaining : null;
  const resetSeconds = waitOf(reported.resetSeconds) ?? 60;
  // The newest call has the best information, whatever order the answers arrive in.
  const counts = sql`(${remaining}::int is not null and (remaining_call_id is null or remaining_call_id <= ${callId} or not ${isAhead(sql`remaining_until`)}))`;
  const db = await database();
  await db.execute(sql`
    with answered as (update snaptrade_calls set answered_at = now() where id = ${callId})
    update snaptrade_limits set
      per_minute = coalesce(${limit}::int, per_minute),
      per_minute_until = case when ${limit}::int is null then per_minute_until else now() + ${seconds(120)} end,
      remaining = case when ${counts} then ${remaining}::int else remaining end,
      remaining_until = case when ${counts} then now() + interval '1 second' * ${resetSeconds}::float8 else remaining_until end,
      remaining_call_id = case when ${counts} then ${callId}::bigint else remaining_call_id end,
      remaining_heard_at = case when ${counts} then now() else remaining_heard_at end,
      refusals = case when ${isAhead(sql`blocked_until`)} then refusals else 0 end
    where id = 1`);
}

/**
 * Blocks all requests after a 429 for the given number of seconds, at most two minutes. If SnapTrade gives no
 * time, the block lasts five seconds, and doubles with each consecutive refusal up to a minute.
 */
export async function recordRefusal(callId: number, retryAfterSeconds: number | undefined): Promise<void> {
  const reportedSeconds = waitOf(retryAfterSeconds);
  const blocked = isAhead(sql`blocked_until`);
  // Calls that were in flight together are refused together, which counts as one refusal.
  const refusals = sql`(case when ${blocked} then greatest(refusals, 1) else least(refusals, 10) + 1 end)`;
  const ownSeconds = sql`least(${sql.raw(String(maxOwnWaitSeconds))}, ${sql.raw(String(firstWaitSeconds))} * power(2, ${refusals} - 1))`;
  const until = sql`now() + interval '1 second' * coalesce(${reportedSeconds}::float8, ${ownSeconds})`;
  const db = await database();
  await db.execute(sql`
    with answered as (update snaptrade_calls set answered_at = now() where id = ${callId})
    update snaptrade_limits set
      sequence = sequence + 1,
      refusals = ${refusals},
      refused_at = case when ${blocked} then refused_at else now() end,
      blocked_until = case when ${blocked} then greatest(blocked_until, ${reportedSeconds === null ? sql`blocked_until` : until}) else ${until} end
    where id = 1`);
}

/** Deletes calls that no longer count toward any minute, in a bounded batch. */
export async function forgetOldCalls(): Promise<void> {
  const db = await database();
  await db.execute(sql`
    delete from snaptrade_calls where id in (
      select id from snaptrade_calls where at < now() - ${seconds(120)} order by at limit 10000 for update skip locked
    )`);
}

function believableLimit(limit: number | undefined): number | null {
  return isCount(limit) && limit > 0 ? Math.max(limit, believable.minPerMinute) : null;
}

function isCount(reported: number | undefined): reported is number {
  return (
    reported !== undefined &&
    Number.isInteger(reported) &&
    reported >= 0 &&
    reported <= believable.maxPerMinute
  );
}

function waitOf(reported: number | null | undefined): number | null {
  return reported === undefined || reported === null || Number.isNaN(reported)
    ? null
    : Math.min(believable.maxWaitSeconds, Math.max(1, reported));
}
