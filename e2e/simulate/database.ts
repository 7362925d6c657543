import { Duplex } from "node:stream";
import { PGlite } from "@electric-sql/pglite";
import type { Random } from "./random";
import type { Owner, Scheduler } from "./scheduler";

/** What may go wrong with the database right now. */
export interface DatabaseTrouble {
  /** Nobody can connect: refused at once, or never answered. */
  away: "no" | "refused" | "silent";
  /** The share of statements at which the connection breaks; half of them before they are executed, half after. */
  breaks: number;
  /** The share of statements whose connection goes silent for good. */
  silences: number;
  /** The longest a statement takes. */
  slowMs: number;
}

export const noDatabaseTrouble: DatabaseTrouble = { away: "no", breaks: 0, silences: 0, slowMs: 0 };

const encoder = new TextEncoder();

function message(type: string, ...parts: Uint8Array[]): Uint8Array {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5);
  head.write(type, 0, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const text = (...words: string[]) => encoder.encode(words.map((word) => `${word}\0`).join(""));
export const simpleQuery = (sql: string) => message("Q", text(sql));
const ready = (status: string) => message("Z", encoder.encode(status));
const failure = (severity: string, code: string, words: string) =>
  message("E", text(`S${severity}`, `V${severity}`, `C${code}`, `M${words}`), Buffer.from([0]));

interface Waiting {
  session: Session;
  unit: Uint8Array;
  run: () => void;
}

/**
 * One PostgreSQL (PGlite, real) behind a simulated network. It has one session, so a client that has begun a transaction has it for itself
 * until that ends; the others wait, as they would for its locks.
 */
export class Database {
  trouble: DatabaseTrouble = noDatabaseTrouble;
  clockAheadMs = 0;
  statements = 0;
  readonly sessions = new Set<Session>();
  private holder: Session | null = null;
  private waiting: Waiting[] = [];
  private toldNow = "";

  constructor(
    private readonly pglite: PGlite,
    readonly scheduler: Scheduler,
    readonly random: Random,
  ) {}

  /** Whether no transaction is open, so that what is read is committed. */
  get settled() {
    return this.holder === null;
  }

  /** Runs a statement beside the simulation. */
  query<Row = Record<string, unknown>>(sql: string): Row[] {
    const answer = Buffer.from(this.pglite.execProtocolRawSync(simpleQuery(`select coalesce(json_agg(answer), '[]') from (${sql}) as answer`)));
    let rows: Row[] = [];
    for (let at = 0; at < answer.length; at += 1 + answer.readInt32BE(at + 1)) {
      const type = String.fromCharCode(answer[at] ?? 0);
      if (type === "D") rows = JSON.parse(answer.toString("utf8", at + 11, at + 11 + answer.readInt32BE(at + 7))) as Row[];
      if (type === "E") throw new Error(answer.toString("utf8", at + 5, at + 1 + answer.readInt32BE(at + 1)).replaceAll("\0", " "));
    }
    return rows;
  }

  connect(socket: SimulatedSocket, owner: Owner): void {
    const { trouble, scheduler } = this;
    if (trouble.away === "silent") return;
    scheduler.after(
      this.delay(),
      () => {
        if (trouble.away === "refused") socket.destroy(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }));
        else {
          socket.session = new Session(this, socket, owner);
          this.sessions.add(socket.session);
          socket.emit("connect");
        }
      },
      owner,
    );
  }

  /** Breaks every connection, as a restart of the server does. */
  dropAll() {
    for (const session of [...this.sessions]) session.end(true);
  }

  /** Every connection of now goes silent: nothing arrives any more, in either direction, and nobody is told. */
  silenceAll() {
    for (const session of this.sessions) session.silent = true;
  }

  /** Ends what a process left behind when it died. */
  dropOwner(owner: Owner) {
    for (const session of [...this.sessions]) if (session.owner === owner) session.end(false);
  }

  delay(): number {
    return this.random.between(0, 1);
  }

  /** Takes one unit of work of a session, as soon as no other one is in a transaction. */
  take(session: Session, unit: Uint8Array, done: (answer: Uint8Array) => void) {
    const run = () => done(this.execute(session, unit));
    if (this.holder === null || this.holder === session) return run();
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
    this.pglite.execProtocolRawSync(simpleQuery("rollback"));
    this.release();
  }

  private execute(session: Session, unit: Uint8Array): Uint8Array {
    this.statements++;
    if (this.holder === null) this.tellNow();
    const answer = this.pglite.execProtocolRawSync(unit);
    const status = String.fromCharCode(answer.at(-1) ?? 0);
    if (status === "I") {
      if (this.holder === session) this.release();
      if (includes(unit, "pg_notify")) this.notifyAll();
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
    this.scheduler.after(0, () => (this.holder === null || this.holder === next.session ? next.run() : this.waiting.unshift(next)));
    if (this.waiting.length > 0) this.scheduler.after(1, () => this.holder === null && this.release());
  }

  /** now() of the statements to come. */
  private tellNow() {
    const now = new Date(this.scheduler.now + this.clockAheadMs).toISOString();
    if (now === this.toldNow) return;
    this.toldNow = now;
    this.pglite.execProtocolRawSync(simpleQuery(`set sim.now = '${now}'`));
  }

  private notifyAll() {
    const pid = Buffer.alloc(4);
    for (const session of this.sessions) for (const channel of session.channels) session.send(message("A", pid, text(channel, "")));
  }
}

function includes(unit: Uint8Array, words: string): boolean {
  return Buffer.from(unit.buffer, unit.byteOffset, unit.length).includes(words);
}

/** What the server keeps of one connection. */
export class Session {
  silent = false;
  readonly settings: Record<string, number> = {};
  readonly channels = new Set<string>();
  private ended = false;
  private started = false;
  private received = Buffer.alloc(0);
  private unit: Uint8Array[] = [];
  private sentAt = 0;
  private worked = 0;

  constructor(
    private readonly database: Database,
    private readonly socket: SimulatedSocket,
    readonly owner: Owner,
  ) {}

  receive(chunk: Buffer) {
    if (this.silent || this.ended) return;
    this.received = Buffer.concat([this.received, chunk]);
    for (;;) {
      const head = this.started ? 1 : 0;
      if (this.received.length < head + 4) return;
      const length = head + this.received.readInt32BE(head);
      if (this.received.length < length) return;
      const part = this.received.subarray(0, length);
      this.received = this.received.subarray(length);
      this.handle(part);
    }
  }

  private handle(part: Buffer) {
    if (!this.started) return this.start(part);
    const type = String.fromCharCode(part[0] ?? 0);
    if (type === "X") return this.end(false);
    if (type === "H") return;
    this.unit.push(part);
    if (type !== "S" && type !== "Q") return;
    const unit = Buffer.concat(this.unit);
    this.unit = [];
    this.readSettings(unit.toString("utf8"));
    this.work(unit);
  }

  private start(part: Buffer) {
    this.started = true;
    const words = part.toString("utf8", 8).split("\0");
    for (let index = 0; index + 1 < words.length; index += 2) this.readSettings(`${words[index] ?? ""}=${words[index + 1] ?? ""}`);
    const parameters = { server_version: "17.5", client_encoding: "UTF8", DateStyle: "ISO, MDY", TimeZone: "UTC", integer_datetimes: "on" };
    const told = Object.entries(parameters).map(([name, value]) => message("S", text(name, value)));
    this.send(Buffer.concat([message("R", Buffer.alloc(4)), ...told, message("K", Buffer.alloc(8)), ready("I")]));
  }

  private readSettings(words: string) {
    if (!words.includes("_timeout")) return;
    const units: Partial<Record<string, number>> = { s: 1000, min: 60_000 };
    for (const [, name = "", value = "", unit = ""] of words.matchAll(
      /(statement_timeout|lock_timeout|idle_in_transaction_session_timeout)'?\s*(?:=|to|,)\s*'?(\d+)(ms|s|min)?/gi,
    ))
      this.settings[name.toLowerCase()] = Number(value) * (units[unit] ?? 1);
  }

  private work(unit: Buffer) {
    const { database } = this;
    const { trouble, random, scheduler } = database;
    const listens = /^Q....\s*(un)?listen "?(\w+)"?/is.exec(unit.toString("latin1"));
    if (listens) {
      this.channels.add(listens[2] ?? "");
      return this.send(Buffer.concat([message("C", text("LISTEN")), ready("I")]));
    }
    const fate = random.next();
    const breaks = fate < trouble.breaks;
    const before = breaks && fate < trouble.breaks / 2;
    if (!breaks && fate < trouble.breaks + trouble.silences) this.silent = true;
    const worked = ++this.worked;
    // The server never sees the statement of a connection that has just gone silent in half of the cases.
    if (this.silent && random.chance(0.5)) return;
    const slow = trouble.slowMs > 0 ? Math.floor(random.next() ** 3 * trouble.slowMs) : 0;
    scheduler.after(database.delay() + slow, () => {
      if (this.ended || worked !== this.worked) return;
      if (before) return this.end(true);
      database.take(this, unit, (answer) => (breaks ? this.end(true) : this.send(answer)));
    });
  }

  send(bytes: Uint8Array) {
    const { scheduler } = this.database;
    this.sentAt = Math.max(this.sentAt, scheduler.now + this.database.delay());
    if (this.silent) return;
    scheduler.at(this.sentAt, () => this.ended || this.silent || this.socket.push(bytes), this.owner);
  }

  /** A transaction whose client does nothing is ended only where the client asked for that. */
  sitInTransaction() {
    const ms = this.settings.idle_in_transaction_session_timeout ?? 0;
    const worked = this.worked;
    if (ms === 0) return;
    this.database.scheduler.after(ms, () => {
      if (this.ended || worked !== this.worked) return;
      this.send(failure("FATAL", "25P03", "terminating connection due to idle-in-transaction timeout"));
      this.end(true);
    });
  }

  /** The server's end of the connection is gone; `told` whether the client learns of it. */
  end(told: boolean) {
    if (this.ended) return;
    this.ended = true;
    this.database.forget(this);
    if (told && !this.silent) {
      const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
      this.database.scheduler.after(1, () => this.socket.destroy(reset), this.owner);
    } else if (!told) this.database.scheduler.after(1, () => this.socket.destroy(), this.owner);
  }
}

/** Stands in for net.Socket, below the real driver. */
export class SimulatedSocket extends Duplex {
  session: Session | null = null;

  constructor(
    private readonly database: Database,
    private readonly owner: Owner,
  ) {
    super();
  }
  connect(): this {
    this.database.connect(this, this.owner);
    return this;
  }
  override _read() {
    // Bytes are pushed as they arrive.
  }
  override _write(chunk: Buffer, _: string, done: () => void) {
    this.session?.receive(chunk);
    done();
  }
  override _final(done: () => void) {
    this.session?.end(false);
    done();
  }
  override _destroy(error: Error | null, done: (error: Error | null) => void) {
    const { session } = this;
    if (session) this.database.scheduler.after(1, () => session.end(false));
    done(error);
  }
  setNoDelay() {
    return this;
  }
  setKeepAlive() {
    return this;
  }
  setTimeout() {
    return this;
  }
  ref() {
    return this;
  }
  unref() {
    return this;
  }
}

/** Makes now() and gen_random_uuid() follow the simulation; defaults of tables made afterwards do so too. */
const ground = `
  create sequence public.ids;
  create function public.now() returns timestamptz stable language sql as $$ select current_setting('sim.now')::timestamptz $$;
  create function public.clock_timestamp() returns timestamptz volatile language sql as $$ select current_setting('sim.now')::timestamptz $$;
  create function public.statement_timestamp() returns timestamptz stable language sql as $$ select current_setting('sim.now')::timestamptz $$;
  create function public.transaction_timestamp() returns timestamptz stable language sql as $$ select current_setting('sim.now')::timestamptz $$;
  create function public.gen_random_uuid() returns uuid volatile language sql as $$ select md5(nextval('public.ids')::text)::uuid $$;
  set search_path = public, pg_catalog;
  set timezone = 'UTC'; set join_collapse_limit = 1; set from_collapse_limit = 1;
  set sim.now = '2026-01-01';
`;

export async function makePglite(): Promise<PGlite> {
  const pglite = await PGlite.create();
  await pglite.exec(ground);
  return pglite;
}

/** Remembers what migrations put into tables, and makes every table as it was then. */
export async function rememberRows(pglite: PGlite): Promise<() => Promise<void>> {
  const { rows: tables } = await pglite.query<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'public'",
  );
  const kept: { name: string; rows: string }[] = [];
  for (const { name } of tables) {
    const { rows } = await pglite.query<{ rows: string | null }>(`select json_agg(t)::text as rows from ${name} t`);
    if (rows[0]?.rows) kept.push({ name, rows: rows[0].rows });
  }
  const names = tables.map(({ name }) => name).join(", ");
  return async () => {
    await pglite.exec(`truncate ${names} restart identity cascade; alter sequence public.ids restart`);
    for (const { name, rows } of kept) await pglite.query(`insert into ${name} select * from json_populate_recordset(null::${name}, $1)`, [rows]);
  };
}
