import "server-only";
import { sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { recordset, uuids } from "@/lib/db/recordset";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { inboxEvents } from "@/lib/db/schema/webhooks";
import { count } from "@/lib/base/telemetry";
import { eventColumns, type StoredEvent } from "./effects";
import { maxAttempts } from "./failures";

const ofEveryone = { events: 500, people: 250 };
/** Few, so that applying them takes a fraction of the time and a page hears of them soon. */
const ofSome = { events: 50, people: 25 };
/** For so long after an event is due, it is left to the line of those with an open page. */
const headStartMs = 5_000;
/** A worker that holds an event for longer than this is considered dead. */
const leaseMs = 60_000;

const waiting = sql.raw("state = 'waiting' and type <> 'ACCOUNT_HOLDINGS_UPDATED'");
const person = sql.raw("coalesce(snaptrade_user_id, '')");

/** Whose events to claim, by our user ids; everyone's by default. */
export interface Whom {
  /** Only theirs, in small batches. */
  among?: string[];
  /** Theirs are claimed elsewhere, and here only if that takes longer than five seconds. */
  except?: string[];
}

interface Batch {
  /** Events under our lease, oldest arrival first. */
  events: StoredEvent[];
  /** How many events were given up because no attempt at them ever finished. */
  dead: number;
  /** The last person in this batch, where the next batch continues; null at the end of the list. */
  last: string | null;
  /** True if someone may have more events that are due. */
  more: boolean;
}

/**
 * Claims events under a lease: the same number from each of several people in turn, so that one person's many
 * events delay another's few by at most one turn. Costs one index step per person with waiting events,
 * however many events they have.
 * @param after the last person of the previous batch; empty at the start of the list
 */
export async function claim(now: Date, after: string, { among, except = [] }: Whom = {}): Promise<Batch> {
  const most = among ? ofSome : ofEveryone;
  const people = await (among ? listAmong(among, after) : listPeople(after));
  if (people.length === 0) return { events: [], dead: 0, last: null, more: false };
  const share = Math.ceil(most.events / people.length);
  const taken = await take(people, share, except, now);
  const events = taken
    .filter(({ state }) => state === "waiting")
    .sort((one, other) => one.receivedAt.getTime() - other.receivedAt.getTime());
  for (const { state, type } of taken)
    if (state === "dead") count("reconnect.webhook.events", { type, outcome: "dead" });
  const last = people.length < most.people ? null : (people.at(-1) ?? null);
  return { events, dead: taken.length - events.length, last, more: taken.length >= share };
}

/** Lists the next people with waiting events. */
async function listPeople(after: string): Promise<string[]> {
  const db = await database();
  // Empty stands for events without a user, and sorts before everyone.
  const first = after === "" ? sql`${person} >= ''` : sql`${person} > ${after}`;
  const listed: unknown = await db.execute(sql`
    with recursive listed as (
      (select ${person} as name from ${inboxEvents} where ${waiting} and ${first} order by ${person} limit 1)
      union all
      select (select ${person} from ${inboxEvents} where ${waiting} and ${person} > listed.name order by ${person} limit 1)
      from listed where listed.name is not null
    )
    select name from listed where name is not null limit ${ofEveryone.people}`);
  return namesOf(listed);
}

/** Like listPeople, but only these users. Costs one index lookup for each. */
async function listAmong(userIds: string[], after: string): Promise<string[]> {
  const db = await database();
  const listed: unknown = await db.execute(sql`
    select waiting.name from ${snapTradeUsers} as owner cross join lateral (
      select ${person} as name from ${inboxEvents} where ${waiting} and ${person} = owner.snaptrade_user_id order by run_at limit 1
    ) as waiting
    where owner.user_id = any(${uuids(userIds)}) and owner.snaptrade_user_id > ${after}
    order by name limit ${ofSome.people}`);
  return namesOf(listed);
}

const namesOf = (listed: unknown) => (listed as { rows: { name: string }[] }).rows.map(({ name }) => name);

/**
 * True if no worker holds the event. A lease that ends much later than one taken now was taken before a clock
 * was set back; other processes' clocks may be ahead of ours by up to a lease.
 */
function isFree(now: Date) {
  const [moment, latest] = [now, new Date(now.getTime() + 2 * leaseMs)].map(
    (at) => sql`${at.toISOString()}::timestamptz`,
  );
  return sql`(locked_until is null or locked_until <= ${moment} or locked_until > ${latest})`;
}

/** True if the event is left to another line for now. */
function isLeft(except: string[], now: Date) {
  if (except.length === 0) return sql`false`;
  return sql`(run_at > ${new Date(now.getTime() - headStartMs).toISOString()}::timestamptz
    and listed.name in (select snaptrade_user_id from ${snapTradeUsers} where user_id = any(${uuids(except)})))`;
}

async function take(people: string[], share: number, except: string[], now: Date): Promise<StoredEvent[]> {
  const db = await database();
  const moment = sql`${now.toISOString()}::timestamptz`;
  const free = sql`
    select event.id from json_array_elements_text(${JSON.stringify(people)}::json) as listed(name) cross join lateral (
      select id from ${inboxEvents} where ${waiting} and ${person} = listed.name and run_at <= ${moment}
        and ${isFree(now)} and not ${isLeft(except, now)} order by run_at limit ${share} for update skip locked
    ) as event`;
  const exhausted = sql`${inboxEvents.attempts} >= ${maxAttempts}`;
  return (
    db
      .update(inboxEvents)
      .set({
        attempts: sql`least(${inboxEvents.attempts} + 1, ${maxAttempts})`,
        state: sql`case when ${exhausted} then 'dead' else 'waiting' end`,
        lastError: sql`case when ${exhausted} then coalesce(${inboxEvents.lastError}, 'No attempt ever finished') else ${inboxEvents.lastError} end`,
        lockedUntil: new Date(now.getTime() + leaseMs),
      })
      // As an array: after a burst, the planner may believe that the inbox is empty, and run this once per row.
      .where(sql`${inboxEvents.id} = any(array(${free}))`)
      .returning(eventColumns)
  );
}

/** Releases events that were claimed but not started, as if they had never been claimed. */
export async function release(events: StoredEvent[]): Promise<void> {
  if (events.length === 0) return;
  const db = await database();
  await db.execute(sql`
    update ${inboxEvents} set attempts = ${inboxEvents}.attempts - 1, locked_until = null
    from ${recordset("taken", { id: "text", attempts: "int" }, events)}
    where ${inboxEvents}.id = taken.id and ${inboxEvents}.attempts = taken.attempts and state = 'waiting'`);
}
