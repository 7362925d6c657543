import { randomUUID } from "node:crypto";
import { makeApiKey } from "../../support/company";
import { exampleSettings } from "../../support/ground.mjs";
import { seedConnections } from "../../support/people";
import { startDeployment, type Deployment } from "./deployment";
import { figure, quantile, type Figure } from "./figures";

const turns = 400;
const warmUpTurns = 40;
const people = 10_000;
/** The company's own id of the person with something to repair. */
const customer = "bench-customer";

/**
 * How long the API takes with ten thousand people: a page of a hundred connections, one connection, and a new
 * link for a repair, against a request that does nothing, in the same run, one after the other.
 */
export async function benchApi(): Promise<Figure[]> {
  const deployment = await startDeployment();
  try {
    const { appUrl, person } = deployment;
    const [own] = await seedConnections(person, [{ brokerage: "QUESTRADE", disabled: true }]);
    const keys = await makeKeys(deployment);
    // After the keys, which block this process: only now does it learn which connections the app has closed.
    await seedPeople(deployment);
    const api = (path: string, body?: object) => (turn: number) =>
      timed(`${appUrl}/api/v1/${path}`, keys[turn % keys.length] ?? "", body);
    const kinds = {
      empty: () => timed(`${appUrl}/api/health/live`),
      list: api("connections?limit=100"),
      connection: api(`connections/${own?.id ?? ""}`),
      fix_session: api("fix-sessions", { user: customer, connection: own?.id }),
    };
    const times = { empty: [], list: [], connection: [], fix_session: [] } as Record<
      keyof typeof kinds,
      number[]
    >;
    for (let turn = -warmUpTurns; turn < turns; turn++)
      for (const kind of Object.keys(kinds) as (keyof typeof kinds)[]) {
        const ms = await kinds[kind](turn + warmUpTurns);
        if (turn >= 0) times[kind].push(ms);
      }
    const [emptyP50, emptyP99] = [quantile(times.empty, 0.5), quantile(times.empty, 0.99)];
    const above = (kind: "list" | "connection" | "fix_session", p50: number, p99: number) => [
      figure(`api_${kind}_p50_above_empty`, quantile(times[kind], 0.5) - emptyP50, "ms", p50),
      figure(`api_${kind}_p99_above_empty`, quantile(times[kind], 0.99) - emptyP99, "ms", p99),
    ];
    return [
      figure("api_empty_p50", emptyP50, "ms"),
      figure("api_empty_p99", emptyP99, "ms"),
      ...above("list", 40, 150),
      ...above("connection", 20, 100),
      ...above("fix_session", 40, 150),
    ];
  } finally {
    await deployment.stop();
  }
}

/** Keys with their own limits, so that none of them is reached. */
async function makeKeys({ pool, databaseUrl }: Deployment): Promise<string[]> {
  await pool.query("update users set external_id = $1 where email = 'bench@example.com'", [customer]);
  return Array.from({ length: 3 }, () => makeApiKey({ ...exampleSettings(), DATABASE_URL: databaseUrl }));
}

/** People with one working connection each, written straight into the database. */
async function seedPeople({ pool }: Deployment): Promise<void> {
  await pool.query(
    `with person as (
       insert into users (external_id) select 'person-' || n from generate_series(1, $1) as n returning id
     )
     insert into connections (id, user_id, brokerage_id, access, state, observed_at)
     select gen_random_uuid(), id, (select id from brokerages limit 1), 'read', 'enabled', now() - interval '1 day'
     from person`,
    [people],
  );
  await pool.query("analyze");
}

/** @returns how many milliseconds the whole answer took */
async function timed(url: string, key?: string, body?: object): Promise<number> {
  const write = { "Content-Type": "application/json", "Idempotency-Key": randomUUID() };
  const startedAt = performance.now();
  const answer = await fetch(url, {
    method: body ? "POST" : "GET",
    headers: { ...(key ? { Authorization: `Bearer ${key}` } : {}), ...(body ? write : {}) },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  const ms = performance.now() - startedAt;
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text}`);
  return ms;
}
