import { PGlite } from "@electric-sql/pglite";

/** Makes gen_random_uuid() follow the simulation, also in defaults of tables created later. */
const ground = `
  create sequence public.ids;
  create function public.gen_random_uuid() returns uuid volatile language sql as $$
    select overlay(overlay(md5(nextval('public.ids')::text) placing '4' from 13) placing '8' from 17)::uuid $$;
  set search_path = public, pg_catalog;
  set timezone = 'UTC'; set join_collapse_limit = 1; set from_collapse_limit = 1;
  set plan_cache_mode = force_generic_plan; set synchronous_commit = off;
`;

/** Nothing here survives a crash or is observed from outside, so the server needn't prepare for that. */
const frugal = {
  full_page_writes: "off", wal_level: "minimal", max_wal_senders: "0", autovacuum: "off",
  track_counts: "off", track_activities: "off", compute_query_id: "off", shared_buffers: "32MB",
}; // prettier-ignore

export async function makePglite(): Promise<PGlite> {
  const pglite = await PGlite.create({
    startParams: [
      ...PGlite.defaultStartParams,
      ...Object.entries(frugal).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ],
  });
  await pglite.exec(ground);
  return pglite;
}

/**
 * Remembers the rows that migrations inserted.
 * @returns a function that empties every table except for those rows, so that plans stay valid
 */
export async function rememberRows(pglite: PGlite): Promise<() => Promise<void>> {
  const { rows: tables } = await pglite.query<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'public'",
  );
  const kept: { name: string; rows: string }[] = [];
  for (const { name } of tables) {
    const { rows } = await pglite.query<{ rows: string | null }>(
      `select json_agg(t)::text as rows from ${name} t`,
    );
    if (rows[0]?.rows) kept.push({ name, rows: rows[0].rows });
  }
  const emptied = tables.map(({ name }) => `delete from ${name};`).join(" ");
  return async () => {
    await pglite.exec(
      `set session_replication_role = replica; ${emptied} set session_replication_role = origin`,
    );
    await pglite.exec(
      "select setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) from pg_sequences where schemaname = 'public'",
    );
    for (const { name, rows } of kept)
      await pglite.query(`insert into ${name} select * from json_populate_recordset(null::${name}, $1)`, [
        rows,
      ]);
  };
}

/**
 * Runs wire protocol messages and returns the raw, unparsed answer.
 * @param now what the server's clock shows meanwhile, in milliseconds
 */
export function exchange(pglite: PGlite, messages: Uint8Array, now: number): Buffer {
  const parts: Uint8Array[] = [];
  const realNow = Date.now;
  Date.now = () => now;
  try {
    void pglite.execProtocolRawStream(messages, {
      syncToFs: false,
      onRawData: (part) => parts.push(part.slice()),
    });
  } finally {
    Date.now = realNow;
  }
  return Buffer.concat(parts);
}
