import { createSender, eventOf, signed } from "../../support/sender";
import { seedConnections } from "../../support/people";
import { startDeployment, type Deployment } from "./deployment";
import { figure, quantile, type Figure } from "./figures";
import { openPage, type OpenPage } from "./open-page";

const crowdSize = 10_000;
const parallel = 64;
const aloneTurns = 60;
const warmUpTurns = 10;
/** Longer than the window of a burst, so that each break arrives alone. */
const aloneEveryMs = 400;
const inCrowdEveryMs = 100;

/**
 * How soon breaks and repairs reach an open page, both alone and while ten thousand other people's
 * connections break, and how many are applied per second.
 */
export async function benchBreaks(): Promise<Figure[]> {
  const deployment = await startDeployment();
  try {
    const [own] = await seedConnections(deployment.person, [{ brokerage: "QUESTRADE" }]);
    const crowd = await seedCrowd(deployment);
    const page = await openPage(deployment.person.visitor);
    const flip = flipper(deployment, own?.id ?? "", page);

    const alone: number[] = [];
    for (let turn = -warmUpTurns; turn < aloneTurns; turn++) {
      const ms = await flip();
      if (turn >= 0) alone.push(ms);
      await pause(aloneEveryMs);
    }
    const sender = createSender(deployment.appUrl, parallel);
    const startedAt = performance.now();
    const sending = postAll(sender, crowd, "CONNECTION_BROKEN");
    const inCrowd: number[] = [];
    while ((await countLeft(deployment)) > 0) {
      inCrowd.push(await flip());
      await pause(inCrowdEveryMs);
    }
    const appliedSeconds = (performance.now() - startedAt) / 1000;
    const answeredSeconds = (await sending) - startedAt / 1000;
    const drained = await drain(deployment, crowd);
    sender.close();
    page.close();
    return [
      figure("breaks_alone_p50", quantile(alone, 0.5), "ms", 40),
      figure("breaks_alone_p99", quantile(alone, 0.99), "ms"),
      figure("breaks_in_crowd_p50", quantile(inCrowd, 0.5), "ms"),
      figure("breaks_in_crowd_p99", quantile(inCrowd, 0.99), "ms", 1_000),
      figure("breaks_answered", crowdSize / answeredSeconds, "1/s"),
      figure("breaks_applied_while_sending", crowdSize / appliedSeconds, "1/s"),
      figure("breaks_applied_ms_each", drained / crowdSize, "ms", 1),
    ];
  } finally {
    await deployment.stop();
  }
}

interface Stranger {
  snapTradeUserId: string;
  connectionId: string;
}

/** People with one working connection each, written straight into the database. */
async function seedCrowd({ pool }: Deployment): Promise<Stranger[]> {
  const { rows } = await pool.query<Stranger>(
    `with person as (
       insert into users (email) select 'crowd-' || n || '@example.com' from generate_series(1, $1) as n returning id
     ), registered as (
       insert into snaptrade_users (user_id, snaptrade_user_id, sealed_secret, registered_at)
       select id, gen_random_uuid(), 'not used here', now() from person returning user_id, snaptrade_user_id
     ), connected as (
       insert into connections (id, user_id, brokerage_id, access, state, observed_at)
       select gen_random_uuid(), id, (select id from brokerages limit 1), 'read', 'enabled', now() - interval '1 day'
       from person returning id, user_id
     ), observed as (
       insert into observations (connection_id, observed_at, state, source, recorded_at)
       select id, now() - interval '1 day', 'enabled', 'timer', now() from connected
     )
     select snaptrade_user_id as "snapTradeUserId", connected.id as "connectionId"
     from connected join registered using (user_id)`,
    [crowdSize],
  );
  await pool.query("analyze");
  return rows;
}

/**
 * Breaks and repairs one connection in turn. @returns how many milliseconds later the open page heard of it
 */
function flipper({ appUrl, person }: Deployment, connectionId: string, page: OpenPage) {
  const sender = createSender(appUrl, 1);
  let broken = false;
  return async (): Promise<number> => {
    broken = !broken;
    const type = broken ? "CONNECTION_BROKEN" : "CONNECTION_FIXED";
    const request = signed(eventOf(type, person.snapTradeUserId, connectionId, Date.now()));
    const heard = page.nextChange();
    const sentAt = performance.now();
    if ((await sender.post(request)) !== 204) throw new Error("A webhook was not acknowledged");
    return (await heard) - sentAt;
  };
}

/** @returns the time of the last answer, in seconds */
async function postAll(
  sender: ReturnType<typeof createSender>,
  crowd: Stranger[],
  type: string,
): Promise<number> {
  const left = [...crowd];
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (let one = left.pop(); one; one = left.pop()) {
        const event = eventOf(type, one.snapTradeUserId, one.connectionId, Date.now());
        if ((await sender.post(signed(event))) !== 204) throw new Error("A webhook was not acknowledged");
      }
    }),
  );
  return performance.now() / 1000;
}

/** How many of the crowd's connections the app still considers working. */
async function countLeft({ pool }: Deployment): Promise<number> {
  const { rows } = await pool.query<{ left: number }>(
    `select count(*)::int as left from connections join users on users.id = user_id
     where email like 'crowd-%' and state = 'enabled'`,
  );
  return rows[0]?.left ?? 0;
}

async function countWaiting({ pool }: Deployment): Promise<number> {
  const { rows } = await pool.query<{ waiting: number }>(
    "select count(*)::int as waiting from inbox_events where state = 'waiting'",
  );
  return rows[0]?.waiting ?? 0;
}

/** Lets the app apply stored repairs of everyone's connections. @returns how many milliseconds it took */
async function drain(deployment: Deployment, crowd: Stranger[]): Promise<number> {
  const { pool, appUrl, person } = deployment;
  await pool.query(
    `insert into inbox_events (id, type, snaptrade_user_id, connection_id, happened_at, payload, received_at, run_at)
     select gen_random_uuid(), 'CONNECTION_FIXED', "snapTradeUserId", "connectionId", now(), '{}', now(), now()
     from json_to_recordset($1::json) as event ("snapTradeUserId" text, "connectionId" uuid)`,
    [JSON.stringify(crowd)],
  );
  const startedAt = performance.now();
  const sender = createSender(appUrl, 1);
  for (let turn = 0; (await countWaiting(deployment)) > 0; turn++) {
    // Any event makes the app process what is waiting, for some seconds.
    if (turn % 250 === 0)
      await sender.post(
        signed(eventOf("SOMETHING_NEW", person.snapTradeUserId, crowd[0]?.connectionId ?? "", Date.now())),
      );
    await pause(20);
  }
  sender.close();
  return performance.now() - startedAt;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
