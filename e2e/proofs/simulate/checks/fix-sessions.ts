import type { Simulation } from "../simulation";
import type { Troubles } from "../world/troubles";

interface Row {
  id: string;
  user_id: string;
  connection: string | null;
  outcome: string | null;
  done: string[];
  ended: string | null;
  expires: string;
  /** When its first visit to the portal began; null if there was none. */
  visited: string | null;
  inPortal: boolean;
  events: number;
  /** Which of the connections it repaired are this person's. */
  own: number;
}

/** Clocks differ by at most this much. */
const skewMs = 150_000;
/** A statement is taken in within this time, or within minutes in trouble. */
const statedMs = 15_000;
const statedInTroubleMs = 200_000;
/** Ended by the timer's next round, or the one after. */
const endedMs = 120_000;

/** Checks how fix sessions that the company made end. */
export class FixSessions {
  private readonly ends = new Map<string, string>();
  /** When each session was last seen open. */
  private readonly openAt = new Map<string, number>();

  constructor(
    private readonly simulation: Simulation,
    private readonly troubles: Troubles,
  ) {}

  check() {
    const rows = this.simulation.database
      .committed<Row>(`select f.id, f.user_id, f.connection_id as connection,
      f.outcome, f.done_ids as done, f.ended_at as ended, f.expires_at as expires,
      (select min(started_at) from portal_sessions p where p.fix_session_id = f.id) as visited,
      exists (select 1 from portal_sessions p where p.fix_session_id = f.id and p.outcome is null) as "inPortal",
      (select count(*) from events e where e.data -> 'fix_session' ->> 'id' = f.id::text)::int as events,
      (select count(*) from connections c where c.id = any(f.done_ids) and c.user_id = f.user_id)::int as own
      from fix_sessions f where f.origin = 'api'`);
    for (const row of rows) {
      this.endsOnce(row);
      if (row.outcome === "fixed" && !this.ends.has(row.id)) this.isFixed(row);
      if (row.outcome) this.ends.set(row.id, row.ended ?? "");
      else {
        this.openAt.set(row.id, this.simulation.scheduler.now);
        this.endsInTime(row);
      }
    }
  }

  private endsOnce({ id, outcome, ended, events }: Row) {
    const before = this.ends.get(id);
    if ((before !== undefined && before !== ended) || events !== (outcome ? 1 : 0))
      this.simulation.fail(
        "a fix session ends once, with one event",
        `${id.slice(0, 8)} is "${outcome ?? "open"}", ended at ${ended ?? "no time"} and before at ${before ?? "no time"}, with ${events} events`,
      );
  }

  /** Its own visit repaired its own connection, and that works. */
  private isFixed({ id, connection, done, visited, own }: Row) {
    const { simulation } = this;
    const { ledger } = simulation;
    const isOther = done.length === 0 || own < done.length || (connection && !done.includes(connection));
    const since = visited === null ? null : Date.parse(visited) - skewMs;
    const isRepaired = since !== null && done.every((one) => ledger.signedInSince(one, since));
    if (isOther || (!isRepaired && !this.troubles.had("network lags", 60_000)))
      simulation.fail(
        "a fix session is fixed only by a repair of its own connection during a visit of its own",
        `${id.slice(0, 8)} repaired ${done.length} connections, ${own} of them its person's; first visit ${visited ?? "never"}`,
      );
    const inTrouble = ["database", "kill", "unreachable"].some((what) => this.troubles.had(what, 150_000));
    const knownBefore =
      (this.openAt.get(id) ?? Number.NEGATIVE_INFINITY) - (inTrouble ? statedInTroubleMs : statedMs);
    const works = done.every((one) => (ledger.surelyStoppedSince(one) ?? Infinity) > knownBefore);
    if (!works)
      simulation.fail("a connection that a fix session repaired works", `session ${id.slice(0, 8)}`);
  }

  private endsInTime({ id, expires, inPortal }: Row) {
    const { scheduler, clockSpreadMs } = this.simulation;
    const lateMs = scheduler.now - Date.parse(expires) - clockSpreadMs;
    const excused = ["database", "kill", "unreachable"].some((what) => this.troubles.had(what, 240_000));
    if (inPortal || excused || this.troubles.hadNoTimer(240_000) || lateMs < endedMs) return;
    this.simulation.fail(
      "a fix session ends when its time is up",
      `${id.slice(0, 8)} is open ${Math.round(lateMs / 1000)} s after that`,
    );
  }
}
