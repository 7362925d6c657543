/** Runs one statement with these parameters. */
export type Run = (statement: string, values?: unknown[]) => Promise<unknown>;

/** How large a fleet is. */
interface Fleet {
  people: number;
  /** Breaks of each connection in the past year. */
  breaksPerYear: number;
}

const brokerages = 60;
const connectionsEach = 5;
const filled = [
  "users",
  "snaptrade_users",
  "connections",
  "observations",
  "episodes",
  "notices",
  "brokerage_accounts",
  "portal_sessions",
];

/** A UUID that depends only on its kind and number, as SQL. */
const id = (kind: string, number: string) => `md5('${kind}' || ${number})::uuid`;
/** A number from 0 to 1 that depends only on its kind and number, as SQL; better spread than random(). */
const share = (kind: string, number: string) =>
  `(abs(hashtextextended('${kind}', ${number})) % 1000000 / 1e6)`;

/**
 * Fills an empty, migrated database with people, five connections each, and a year of their history, in a few
 * statements. One connection in four is disabled, one person in fifty is gone, and one connection in fifty
 * has been silent for weeks. Indexes are built at the end, and triggers are off, so the roll-ups are counted
 * here.
 */
export async function fill(run: Run, { people, breaksPerYear }: Fleet): Promise<void> {
  await run("set session_replication_role = replica");
  await run("set synchronous_commit = off");
  const indexes = await dropIndexes(run);
  for (const statement of statements(people, people * connectionsEach, breaksPerYear)) await run(statement);
  for (const definition of indexes) await run(definition);
  await run("set session_replication_role = origin");
  await run("vacuum analyze");
}

async function dropIndexes(run: Run): Promise<string[]> {
  const found = (await run(
    `select indexname as name, indexdef as definition from pg_indexes where schemaname = 'public' and tablename = any($1)
       and not exists (select 1 from pg_constraint where conname = indexname)`,
    [filled],
  )) as { rows: { name: string; definition: string }[] };
  for (const { name } of found.rows) await run(`drop index "${name}"`);
  return found.rows.map(({ definition }) => definition);
}

function statements(people: number, connections: number, breaksPerYear: number): string[] {
  const person = `((n - 1) / ${connectionsEach} + 1)`;
  const place = (n: string) => id("brokerage", `(abs(hashtextextended('place', ${n})) % ${brokerages})`);
  const silent = `${share("silent", "n")} < 0.02`;
  const disabled = `${share("disabled", "n")} < 0.25`;
  const openSince = `now() - interval '1 hour' - ${share("open", "n")} * interval '60 days'`;
  return [
    `insert into brokerages (id, slug, name, enabled, maintenance, degraded, observed_at, listed_at)
      select ${id("brokerage", "n")}, 'B' || n, 'Brokerage ' || n, true, false, false, now(), now() from generate_series(0, ${brokerages - 1}) as n`,
    `insert into users (id, email, quiet_from, quiet_to) select ${id("user", "n")}, n || '@example.com', 0, 0 from generate_series(1, ${people}::bigint) as n`,
    `insert into snaptrade_users (user_id, snaptrade_user_id, sealed_secret, registered_at, looked_at, next_look_at, accounts_looked_at, watched, gone_at, gone_reason)
      select ${id("user", "n")}, ${id("snaptrade", "n")}, repeat('x', 120), now() - interval '400 days',
        now() - interval '5 minutes' - ${share("looked", "n")} * interval '5 days', now() + (${share("next", "n")} - 0.001) * interval '7 days',
        now() - ${share("accounts", "n")} * interval '1 hour', true,
        case when n % 50 = 0 then now() - interval '9 days' end, case when n % 50 = 0 then 'deleted' end
      from generate_series(1, ${people}::bigint) as n`,
    `insert into connections (id, user_id, brokerage_id, access, connected_since, first_observed_at, updated_at, read_at, read_state, state,
        observed_at, disabled_at, last_heartbeat_at, heartbeats, heartbeat_gap_ms)
      select ${id("connection", "n")}, ${id("user", person)}, ${place("n")}, 'read', now() - interval '400 days', now() - interval '400 days', now() - interval '1 day',
        looked, state, state, case when state = 'disabled' then broken when ${silent} then now() - interval '30 days' else looked end,
        case when state = 'disabled' then broken end,
        case when ${silent} then now() - interval '20 days' else now() - ${share("heartbeat", "n")} * interval '1 day' end, 300, 86400000
      from generate_series(1, ${connections}::bigint) as n, lateral (
        select case when ${disabled} then 'disabled' else 'enabled' end as state, ${openSince} as broken,
          now() - interval '5 minutes' - ${share("looked", person)} * interval '5 days' as looked
      ) as known`,
    `insert into episodes (id, connection_id, brokerage_id, user_id, broke_at, noticed_at, noticed_by, ended_at, ended_how, lived_days)
      select ${id("episode", "n || '/' || k")}, ${id("connection", "n")}, ${place("n")}, ${id("user", person)}, at, at + interval '2 seconds',
        case when ${share("lost", "n * 97 + k")} < 0.03 then 'timer' else 'webhook' end, at + interval '3 hours', 'fixed', ${365 / breaksPerYear} * (0.5 + ${share("lived", "n * 31 + k")})
      from generate_series(1, ${connections}::bigint) as n, generate_series(1, ${breaksPerYear}) as k,
        lateral (select now() - interval '5 hours' - (k - ${share("broke", "n * 7 + k")}) * interval '${Math.floor(365 / breaksPerYear)} days' as at) as broken
      -- One open episode began after all of these.
      where not ${disabled} or at + interval '3 hours' < ${openSince}
      order by at`,
    `insert into episodes (id, connection_id, brokerage_id, user_id, broke_at, noticed_at, noticed_by, lived_days)
      select ${id("episode", "n")}, id, brokerage_id, user_id, disabled_at, disabled_at + interval '2 seconds', 'webhook', 30 + ${share("lived", "n")} * 60
      from generate_series(1, ${connections}::bigint) as n join connections on id = ${id("connection", "n")} where state = 'disabled'`,
    // The newest observation is enough; episodes that ended before it stay as they are.
    `insert into observations (connection_id, observed_at, answered_at, state, disabled_at, source, recorded_at)
      select id, observed_at, case when state = 'enabled' then observed_at end, state, disabled_at, case when state = 'enabled' then 'timer' else 'webhook' end,
        observed_at + interval '2 seconds' from connections`,
    `insert into notices (user_id, episode_id, brokerage_id, kind, created_at, run_at, mail, sent_at, mail_id, subject)
      select user_id, id, brokerage_id, 'broke', noticed_at, noticed_at + interval '10 minutes', 'sent', noticed_at + interval '10 minutes', '<' || id || '@example.com>', 'Needs reconnecting'
      from episodes where broke_at > now() - interval '60 days'`,
    `insert into notices (user_id, episode_id, brokerage_id, kind, created_at, run_at)
      select user_id, id, brokerage_id, 'reminder-7', noticed_at, noticed_at + interval '7 days' from episodes where ended_at is null and broke_at > now() - interval '6 days'`,
    // More e-mails are due than a round can send, as many in a small fleet as in a large one.
    `insert into notices (user_id, episode_id, brokerage_id, kind, created_at, run_at)
      select distinct on (user_id) user_id, id, brokerage_id, 'when-back', now() - interval '2 hours', now() - interval '1 hour' from episodes
      where ended_at is null and abs(hashtext(user_id::text)) % greatest(1, ${people} / 2500) = 0 order by user_id, id`,
    `insert into brokerage_accounts (id, connection_id, name, last_digits, holdings_at) select ${id("account", "id")}, id, 'Account', '1234', last_heartbeat_at from connections`,
    `insert into portal_sessions (user_id, intent, connection_id, brokerage_id, started_at, opened_at, active_at, left_at, outcome, ended_at)
      select user_id, 'reconnect', connection_id, brokerage_id, ended_at - interval '2 minutes', ended_at - interval '2 minutes', ended_at, ended_at, 'fixed', ended_at
      from episodes where ended_at > now() - interval '30 days'`,
    `insert into brokerage_quarters (brokerage_id, quarter, people)
      select brokerage_id, date_bin('15 minutes', broke_at, 'epoch'), count(distinct user_id) from episodes where broke_at > now() - interval '14 days' group by 1, 2`,
    // As the trigger and the code that writes states would have left them.
    `update snaptrade_users set watched = exists (select 1 from connections where connections.user_id = snaptrade_users.user_id and state = 'enabled')
      where not exists (select 1 from connections where connections.user_id = snaptrade_users.user_id and state = 'enabled')`,
    `update rounds set watched = (select count(*) from snaptrade_users where watched and gone_at is null and ask_again_at is null), locked_until = 'epoch', up_since = now() - interval '90 days', ended_at = now()`,
  ];
}

/** How long processed events are kept (docs/growth.md). */
const eventDays = 90;
const idDays = 14;

/** Fills the processed events with the breaks that are kept, and this many days of heartbeats. */
export async function fillEvents(run: Run, clientId: string, heartbeatDays: number): Promise<void> {
  for (let day = 1; day <= eventDays; day++) {
    await run(partition("webhook_events", day, "timestamptz"));
    if (day <= idDays) await run(partition("webhook_event_ids", day, "date"));
  }
  const event = (type: string, at: string, payload: string, source: string) =>
    `insert into webhook_events (id, type, snaptrade_user_id, client_id, connection_id, happened_at, payload, received_at, attempts, outcome)
      select gen_random_uuid(), ${type}, snaptrade_user_id, '${clientId}', source.connection_id, ${at}, ${payload}, ${at}, 1, 'applied' from ${source}`;
  const recent = `(select * from episodes where broke_at > now() - interval '${eventDays - 1} days') as source join snaptrade_users using (user_id)`;
  await run(event("'CONNECTION_BROKEN'", "broke_at", "repeat('x', 300)", recent));
  const alive =
    "(select id as connection_id, user_id from connections where state = 'enabled') as source join snaptrade_users using (user_id)";
  for (let day = 1; day <= heartbeatDays; day++)
    await run(event("'ACCOUNT_HOLDINGS_UPDATED'", `now() - interval '${day} days'`, "'{}'", alive));
  await run(
    `insert into webhook_event_ids select id, (received_at at time zone 'UTC')::date from webhook_events
      where received_at > now() - interval '${idDays - 1} days'`,
  );
  await run("vacuum analyze webhook_events, webhook_event_ids");
}

/** As lib/db/days.ts would have made it, so many days ago. */
const partition = (table: string, daysAgo: number, type: "date" | "timestamptz") => `
  do $$
  declare day date := (now() at time zone 'UTC')::date - ${daysAgo};
  begin
    execute format('create table %I partition of ${table} for values from (%L) to (%L)', '${table}_' || to_char(day, 'YYYYMMDD'),
      ${type === "date" ? "day" : "day || ' 00:00:00+00'"}, ${type === "date" ? "day + 1" : "(day + 1) || ' 00:00:00+00'"});
  end $$`;
