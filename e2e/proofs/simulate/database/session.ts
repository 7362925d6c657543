import { Duplex } from "node:stream";
import type { Random } from "../history/random";
import type { Owner, Scheduler } from "../scheduler";
import { failure, message, ready, text } from "./wire";

/** The database server, as one of its connections sees it. */
interface Server {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly trouble: { breaks: number; silences: number; slowMs: number };
  delay(): number;
  connect(socket: SimulatedSocket, owner: Owner): void;
  take(session: Session, unit: Buffer, done: (answer: Uint8Array) => void): void;
  forget(session: Session): void;
}

/** The server's side of one connection. */
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
    private readonly database: Server,
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
    if (!this.started) {
      this.start(part);
      return;
    }
    const type = String.fromCharCode(part[0] ?? 0);
    if (type === "X") {
      this.end(false);
      return;
    }
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
    for (let index = 0; index + 1 < words.length; index += 2)
      this.readSettings(`${words[index] ?? ""}=${words[index + 1] ?? ""}`);
    const parameters = {
      server_version: "17.5",
      client_encoding: "UTF8",
      DateStyle: "ISO, MDY",
      TimeZone: "UTC",
      integer_datetimes: "on",
    };
    const greeting = Object.entries(parameters).map(([name, value]) => message("S", text(name, value)));
    this.send(
      Buffer.concat([message("R", Buffer.alloc(4)), ...greeting, message("K", Buffer.alloc(8)), ready("I")]),
    );
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
      this.send(Buffer.concat([message("C", text("LISTEN")), ready("I")]));
      return;
    }
    const fate = random.next();
    const breaks = fate < trouble.breaks;
    const before = breaks && fate < trouble.breaks / 2;
    if (!breaks && fate < trouble.breaks + trouble.silences) this.silent = true;
    const worked = ++this.worked;
    // In half of the cases, the server never receives the statement at which a connection goes silent.
    if (this.silent && random.chance(0.5)) return;
    const slow = trouble.slowMs > 0 ? Math.floor(random.next() ** 3 * trouble.slowMs) : 0;
    scheduler.after(database.delay() + slow, () => {
      if (this.ended || worked !== this.worked) return;
      if (before) {
        this.end(true);
        return;
      }
      database.take(this, unit, (answer) => (breaks ? this.end(true) : this.send(answer)));
    });
  }

  send(bytes: Uint8Array) {
    const { scheduler } = this.database;
    this.sentAt = Math.max(this.sentAt, scheduler.now + this.database.delay());
    if (this.silent) return;
    scheduler.at(this.sentAt, () => this.ended || this.silent || this.socket.push(bytes), this.owner);
  }

  /** An idle transaction is only ended if its client asked for that. */
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

  /** Closes the server's end; `announced` says whether the client finds out. */
  end(announced: boolean) {
    if (this.ended) return;
    this.ended = true;
    this.database.forget(this);
    if (announced && !this.silent) {
      const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
      this.database.scheduler.after(1, () => this.socket.destroy(reset), this.owner);
    } else if (!announced) this.database.scheduler.after(1, () => this.socket.destroy(), this.owner);
  }
}

/** Replaces net.Socket below the real driver. */
export class SimulatedSocket extends Duplex {
  session: Session | null = null;

  constructor(
    private readonly database: Server,
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
