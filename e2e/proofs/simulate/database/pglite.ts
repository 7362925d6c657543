import { PGlite } from "@electric-sql/pglite";

/** Makes now() and gen_random_uuid() follow the simulation, also in defaults of tables created later. */
const ground = `
  create sequence public.ids;
  create function public.now() returns timestamptz stable language sql as $$ select current_setting('sim.now')::timestamptz $$;
  create function public.clock_timestamp() returns timestamptz volatile language sql as $$ select current_setting('sim.now')::timestamptz $$;
  create function public.statement_timestamp() returns timestamptz stable language sql as $$ select current_setting('sim.now')::timestamptz $$;
  create function public.transaction_timestamp() returns timestamptz stable language sql as $$ select current_setting('sim.now')::timestamptz $$;
  create function public.gen_random_uuid() returns uuid volatile language sql as $$ select md5(nextval('public.ids')::text)::uuid $$;
  set search_path = public, pg_catalog;
  set timezone = 'UTC'; set join_collapse_limit = 1; set from_collapse_limit = 1;
  set plan_cache_mode = force_generic_plan; set synchronous_commit = off;
  set sim.now = '2026-01-01';
`;

export async function makePglite(): Promise<PGlite> {
  const pglite = await PGlite.create();
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

/** Runs wire protocol messages and returns the raw, unparsed answer. */
export function exchange(pglite: PGlite, messages: Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  void pglite.execProtocolRawStream(messages, {
    syncToFs: false,
    onRawData: (part) => parts.push(part.slice()),
  });
  return Buffer.concat(parts);
}
