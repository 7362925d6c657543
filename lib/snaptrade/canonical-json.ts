/**
 * JSON as Python reads and prints it (docs/snaptrade.md §6.7). A number keeps its spelling, the last of
 * duplicate keys wins, and no key is special in JavaScript.
 */
export type Json = string | JsonNumber | JsonWord | Json[] | Map<string, Json>;
type JsonWord = true | false | null;

/** A number as it will be printed; it may exceed the range or precision of a JavaScript number. */
class JsonNumber {
  constructor(readonly text: string) {}
}

/** The text is not JSON, or nests too deeply. */
export class JsonSyntaxError extends Error {}

const maxDepth = 64;
const token =
  /[ \t\n\r]*(?:([{}[\],:])|("[^"\\\u0000-\u001f]*(?:\\.[^"\\\u0000-\u001f]*)*")|(-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)|(true|false|null))/y;
const rest = /[ \t\n\r]*$/y;
const words = new Map<string, JsonWord>([
  ["true", true],
  ["false", false],
  ["null", null],
]);

/**
 * Parses a JSON text of at most 64 levels.
 * @throws JsonSyntaxError
 */
export function parseJson(text: string): Json {
  let at = 0;

  function next(): RegExpExecArray {
    token.lastIndex = at;
    const found = token.exec(text);
    if (!found) throw new JsonSyntaxError(`Invalid token at ${at}`);
    at = token.lastIndex;
    return found;
  }

  function valueOf([, mark, string, number, fraction, exponent, word]: RegExpExecArray, depth: number): Json {
    if (depth > maxDepth) throw new JsonSyntaxError("Nested too deeply");
    if (string !== undefined) return unquote(string);
    if (number !== undefined)
      return new JsonNumber(
        fraction === undefined && exponent === undefined ? printInt(number) : printFloat(Number(number)),
      );
    if (word !== undefined) return words.get(word) ?? null;
    if (mark === "{") return objectOf(depth);
    if (mark === "[") return arrayOf(depth);
    throw new JsonSyntaxError(`Expected a value at ${at}`);
  }

  function objectOf(depth: number): Json {
    const members = new Map<string, Json>();
    for (let found = next(); found[1] !== "}" || members.size > 0; found = next()) {
      const key = found[2];
      if (key === undefined || next()[1] !== ":") throw new JsonSyntaxError(`Expected a member at ${at}`);
      members.set(unquote(key), valueOf(next(), depth + 1));
      if (endsWith("}")) break;
    }
    return members;
  }

  function arrayOf(depth: number): Json {
    const items: Json[] = [];
    for (let found = next(); found[1] !== "]" || items.length > 0; found = next()) {
      items.push(valueOf(found, depth + 1));
      if (endsWith("]")) break;
    }
    return items;
  }

  /** After a member or an item: true at the end, false if a comma announces another one. */
  function endsWith(end: string): boolean {
    const [, mark] = next();
    if (mark !== end && mark !== ",") throw new JsonSyntaxError(`Expected "," or "${end}" at ${at}`);
    return mark === end;
  }

  const value = valueOf(next(), 0);
  rest.lastIndex = at;
  if (!rest.test(text)) throw new JsonSyntaxError(`Unexpected text at ${at}`);
  return value;
}

/**
 * Prints like Python's json.dumps(value, separators=(",", ":"), sort_keys=True): ASCII only, with keys
 * ordered by code point.
 */
export function printJson(value: Json): string {
  if (typeof value === "string") return quote(value);
  if (value instanceof JsonNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(printJson).join(",")}]`;
  if (!(value instanceof Map)) return String(value);
  const keys = [...value.keys()].sort(byCodePoint);
  return `{${keys.map((key) => `${quote(key)}:${printJson(value.get(key) ?? null)}`).join(",")}}`;
}

function unquote(string: string): string {
  try {
    return JSON.parse(string) as string;
  } catch {
    throw new JsonSyntaxError("Unknown escape in a string");
  }
}

const short: Partial<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function quote(text: string): string {
  return `"${text.replace(/["\\]|[^\x20-\x7e]/g, (unit) => short[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)}"`;
}

function byCodePoint(one: string, other: string): number {
  for (let at = 0; at < one.length && at < other.length; at++) {
    const [a, b] = [one.codePointAt(at) ?? 0, other.codePointAt(at) ?? 0];
    if (a !== b) return a - b;
  }
  return one.length - other.length;
}

function printInt(digits: string): string {
  return digits === "-0" ? "0" : digits;
}

/** Python's repr of a float: the same shortest digits as in JavaScript, laid out differently. */
function printFloat(number: number): string {
  if (!Number.isFinite(number)) return number > 0 ? "Infinity" : "-Infinity";
  const sign = number < 0 || Object.is(number, -0) ? "-" : "";
  const [mantissa = "0", power = "0"] = Math.abs(number).toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  return `${sign}${digits.slice(0, exponent + 1).padEnd(exponent + 1, "0")}.${digits.slice(exponent + 1) || "0"}`;
}
