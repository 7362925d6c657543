import type { PGlite } from "@electric-sql/pglite";
import { exchange } from "./pglite";
import { parametrized } from "./wire";

const parseComplete = Buffer.from([0x31, 0, 0, 0, 4]);
/** Of Parse and Bind, and that a statement returns no rows. */
const confirmations = Buffer.from("12n");

/**
 * Runs wire protocol units, keeping each statement prepared under its own name so that it is parsed and
 * planned only once. Clients don't notice: to them, their statements are still unnamed.
 */
export class PreparedStatements {
  private readonly names = new Map<string, string>();
  private made = 0;

  constructor(private readonly pglite: PGlite) {}

  /** @param now what the server's clock shows meanwhile */
  run(unit: Uint8Array, now: number): Buffer {
    const parts = split(Buffer.from(unit.buffer, unit.byteOffset, unit.length));
    const [parse, bind, ...others] = parts;
    if (parse && parts.length === 1) return this.runSimple(parse, now);
    // An unnamed statement bound to the unnamed portal: what the driver sends for every query with
    // parameters.
    if (
      !parse ||
      !bind ||
      parse[0] !== 0x50 ||
      parse[5] !== 0 ||
      bind[0] !== 0x42 ||
      bind[5] !== 0 ||
      bind[6] !== 0
    )
      return exchange(this.pglite, unit, now);
    const text = parse.toString("utf8", 6, parse.indexOf(0, 6));
    const known = this.names.get(text);
    const name = known ?? `kept_${this.made++}`;
    const bound = withName(bind, 6, name);
    if (known)
      return Buffer.concat([parseComplete, exchange(this.pglite, Buffer.concat([bound, ...others]), now)]);
    const answer = exchange(this.pglite, Buffer.concat([withName(parse, 5, name), bound, ...others]), now);
    if (answer[0] === parseComplete[0]) this.names.set(text, name);
    return answer;
  }

  /** A single query without parameters is kept too; its answer has no confirmations of its parts. */
  private runSimple(query: Buffer, now: number): Buffer {
    const sql = query.toString("utf8", 5, query.length - 1);
    if (query[0] !== 0x51 || !/^\s*(?:select|with|insert|update|delete)\b[^;]*$/i.test(sql))
      return exchange(this.pglite, query, now);
    const answer = this.run(parametrized(sql, [], true), now);
    return Buffer.concat(split(answer).filter(([type = 0]) => !confirmations.includes(type)));
  }

  /**
   * @returns a function that goes back to the current statements; use it along with the database image
   * (image.ts)
   */
  remember(): () => void {
    const [names, made] = [new Map(this.names), this.made];
    return () => {
      this.made = made;
      this.names.clear();
      for (const [text, name] of names) this.names.set(text, name);
    };
  }
}

function split(unit: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < unit.length;) {
    const end = at + 1 + unit.readInt32BE(at + 1);
    parts.push(unit.subarray(at, end));
    at = end;
  }
  return parts;
}

/** Inserts a name where the message had an empty one. */
function withName(message: Buffer, at: number, name: string): Buffer {
  const longer = Buffer.concat([message.subarray(0, at), Buffer.from(name), message.subarray(at)]);
  longer.writeInt32BE(longer.length - 1, 1);
  return longer;
}
