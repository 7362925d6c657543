import type { PreparedStatements } from "./prepared";
import type { Random } from "../history/random";
import type { Owner, Scheduler } from "../scheduler";
import { Session, type SimulatedSocket } from "./session";
import { withoutTimeouts } from "./timeouts";
import { failure, message, parametrized, ready, simpleQuery, text } from "./wire";

/** What can go wrong with the database right now. */
export interface DatabaseTrouble {
  /** Connections are refused at once, or never answered. */
  away: "no" | "refused" | "silent";
  /** The share of statements at which the connection breaks, half of them before execution and half after. */
  breaks: number;
  /** The share of statements after which the connection goes silent for good. */
  silences: number;
  /** The longest that a statement takes. */
  slowMs: number;
}

export const noDatabaseTrouble: DatabaseTrouble = { away: "no", breaks: 0, silences: 0, slowMs: 0 };

interface Waiting {
  session: Session;
  unit: Buffer;
  run: () => void;
}

/**
 * One real PostgreSQL (PGlite) behind a simulated network. It has a single session, so a client in a
 * transaction has it alone until that ends; the others wait, as they would for its locks.
 */
export class Database {
  trouble: DatabaseTrouble = noDatabaseTrouble;
  clockAheadMs = 0;
  statements = 0;
  readonly sessions = new Set<Session>();
  private holder: Session | null = null;
  private waiting: Waiting[] = [];
  private readonly answers = new Map<string, { statements: number; rows: unknown[] }>();

  constructor(
    private readonly prepared: PreparedStatements,
    readonly scheduler: Scheduler,
    readonly random: Random,
  ) {}

  private get now() {
    return this.scheduler.now + this.clockAheadMs;
  }

  /** Whether no transaction is open, so that reads see only committed data. */
  get isIdle() {
    return this.holder === null;
  }

  /** Runs a statement outside the simulation, in no virtual time. */
  query<Row = Record<string, unknown>>(sql: string, ...parameters: string[]): Row[] {
    const json = `select coalesce(json_agg(answer), '[]') from (${sql}) as answer`;
    const answer = this.prepared.run(parametrized(json, parameters), this.now);
    let rows: Row[] = [];
    for (let at = 0; at < answer.length; at += 1 + answer.readInt32BE(at + 1)) {
      const type = String.fromCharCode(answer[at] ?? 0);
      if (type === "D")
        rows = JSON.parse(answer.toString("utf8", at + 11, at + 11 + answer.readInt32BE(at + 7))) as Row[];
      if (type === "E")
        throw new Error(
          answer.toString("utf8", at + 5, at + 1 + answer.readInt32BE(at + 1)).replaceAll("\0", " "),
        );
    }
    return rows;
  }

  /** Like `query`, but cached until another statement has been executed; sees only committed data. */
  committed<Row = Record<string, unknown>>(sql: string, ...parameters: string[]): Row[] {
    const key = [sql, ...parameters].join("\0");
    const known = this.answers.get(key);
    if (known?.statements === this.statements) return known.rows as Row[];
    const rows = this.query<Row>(sql, ...parameters);
    this.answers.set(key, { statements: this.statements, rows });
    return rows;
  }

  connect(socket: SimulatedSocket, owner: Owner): void {
    const { trouble, scheduler } = this;
    if (trouble.away === "silent") return;
    scheduler.after(
      this.delay(),
      () => {
        if (trouble.away === "refused")
          socket.destroy(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }));
        else {
          socket.session = new Session(this, socket, owner);
          this.sessions.add(socket.session);
          socket.emit("connect");
        }
      },
      owner,
    );
  }

  /** Breaks every connection, like a restart of the server. */
  dropAll() {
    for (const session of [...this.sessions]) session.end(true);
  }

  /** Every existing connection goes silent: nothing arrives in either direction, and neither side notices. */
  silenceAll() {
    for (const session of this.sessions) session.silent = true;
  }

  /** Closes the connections a dead process left behind. */
  dropOwner(owner: Owner) {
    for (const session of [...this.sessions]) if (session.owner === owner) session.end(false);
  }

  delay(): number {
    return this.random.between(0, 1);
  }

  /** Runs one unit of work of a session as soon as no other session is in a transaction. */
  take(session: Session, unit: Buffer, done: (answer: Uint8Array) => void) {
    const run = () => done(this.execute(session, unit));
    if (this.holder === null || this.holder === session) {
      run();
      return;
    }
    const entry: Waiting = { session, unit, run };
    this.waiting.push(entry);
    const limits: [number, string, string][] = [
      [session.settings.statement_timeout ?? 0, "57014", "canceling statement due to statement timeout"],
      [session.settings.lock_timeout ?? 0, "55P03", "canceling statement due to lock timeout"],
    ];
    for (const [ms, code, words] of limits) {
      if (ms === 0) continue;
      this.scheduler.after(ms, () => {
        if (!this.waiting.includes(entry)) return;
        this.waiting = this.waiting.filter((other) => other !== entry);
        done(Buffer.concat([failure("ERROR", code, words), ready("I")]));
      });
    }
  }

  forget(session: Session) {
    this.sessions.delete(session);
    this.waiting = this.waiting.filter((entry) => entry.session !== session);
    if (this.holder !== session) return;
    this.prepared.run(simpleQuery("rollback"), this.now);
    this.release();
  }

  private execute(session: Session, unit: Buffer): Uint8Array {
    this.statements++;
    const answer = withoutTimeouts(unit, this.holder === session ? "T" : "I", (rest) =>
      this.prepared.run(rest, this.now),
    );
    const status = String.fromCharCode(answer.at(-1) ?? 0);
    if (status === "I") {
      if (this.holder === session) this.release();
      if (includes(unit, "pg_notify")) this.notify(unit);
    } else {
      this.holder = session;
      session.sitInTransaction();
    }
    return answer;
  }

  private release() {
    this.holder = null;
    const [next, ...others] = this.waiting;
    if (!next) return;
    this.waiting = others;
    this.scheduler.after(0, () =>
      this.holder === null || this.holder === next.session ? next.run() : this.waiting.unshift(next),
    );
    if (this.waiting.length > 0) this.scheduler.after(1, () => this.holder === null && this.release());
  }

  private notify(unit: Buffer) {
    const pid = Buffer.alloc(4);
    for (const session of this.sessions)
      for (const channel of session.channels)
        session.send(message("A", pid, text(channel, payloadOf(unit, channel))));
  }
}

/** The payload of a NOTIFY on this channel: the parameter that is bound right after the channel's name. */
function payloadOf(unit: Buffer, channel: string): string {
  const bytes = Buffer.from(unit.buffer, unit.byteOffset, unit.length);
  const at = bytes.lastIndexOf(channel);
  const from = at + channel.length + 4;
  if (at < 0 || from > bytes.length) return "";
  const length = bytes.readInt32BE(from - 4);
  return bytes.toString("utf8", from, from + Math.max(0, length));
}

function includes(unit: Buffer, words: string): boolean {
  return Buffer.from(unit.buffer, unit.byteOffset, unit.length).includes(words);
}
