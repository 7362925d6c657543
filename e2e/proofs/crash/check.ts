export type Query = (statement: string) => Promise<Record<string, unknown>[]>;

export interface Findings {
  stored: number;
  missing: number;
  notDone: number;
  notApplied: number;
  wrongEpisodes: number;
}

/** Compares the database with what was acknowledged, and with what the stored events alone should produce. */
export async function check(
  query: Query,
  acknowledged: Set<string>,
  connectionIds: string[],
): Promise<Findings> {
  const events = await query(
    `select id, type, connection_id, happened_at, outcome from webhook_events
    union all select id, type, connection_id, happened_at, null from inbox_events`,
  );
  const stored = new Set(events.map(({ id }) => id));
  const observations = await query("select connection_id, state, observed_at, source from observations");
  const reported = observations.filter(({ source }) => source === "webhook");
  const observed = new Set(
    reported.map(({ connection_id, state, observed_at }) => key(connection_id, state, observed_at)),
  );
  const looks = observations.filter(({ source }) => source !== "webhook");
  const episodes = await query("select connection_id, broke_at, ended_at from episodes order by broke_at");

  const expected = events.map(({ type, connection_id, happened_at }) => ({
    connection: String(connection_id),
    state: type === "CONNECTION_BROKEN" ? "disabled" : "enabled",
    at: ms(happened_at) ?? 0,
  }));
  const wrong = connectionIds.filter((id) => {
    const own = episodes
      .filter(({ connection_id }) => connection_id === id)
      .map(({ broke_at, ended_at }) => `${time(broke_at)} ${time(ended_at)}`);
    const seen = looks.flatMap(({ connection_id, state, observed_at }) =>
      connection_id === id ? [{ state: String(state), at: ms(observed_at) ?? 0 }] : [],
    );
    return own.join() !== runsOf([...seen, ...expected.filter(({ connection }) => connection === id)]).join();
  });
  return {
    stored: stored.size,
    missing: [...acknowledged].filter((id) => !stored.has(id)).length,
    notDone: events.filter(({ outcome }) => outcome !== "applied").length,
    notApplied:
      expected.filter(({ connection, state, at }) => !observed.has(key(connection, state, new Date(at))))
        .length + Math.abs(observed.size - expected.length),
    wrongEpisodes: wrong.length,
  };
}

/** The spans from each break to the next repair. */
function runsOf(statements: { state: string; at: number }[]): string[] {
  const runs: string[] = [];
  let brokeAt: number | null = null;
  for (const { state, at } of [...statements].sort((one, other) => one.at - other.at)) {
    if (state === "disabled") brokeAt ??= at;
    else if (brokeAt !== null) {
      runs.push(`${brokeAt} ${at}`);
      brokeAt = null;
    }
  }
  return brokeAt === null ? runs : [...runs, `${brokeAt} `];
}

/** Both database drivers return times as dates. */
const ms = (value: unknown): number | null => (value instanceof Date ? value.getTime() : null);
const time = (value: unknown) => String(ms(value) ?? "");
const key = (connection: unknown, state: unknown, at: unknown) =>
  `${String(connection)} ${String(state)} ${time(at)}`;
