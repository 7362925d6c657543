import "server-only";

/** A line that isn't blank, counted from 1. */
export interface Line {
  number: number;
  /** How many bytes of the input end with this line. */
  endsAt: number;
  content: { text: string } | { problem: "too-long" | "not-utf-8" };
}

/** Longer lines are skipped without being kept in memory. */
const maxLineBytes = 16 * 1024;
const newline = 0x0a;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** Splits UTF-8 text into lines, ended by LF or CRLF, with one chunk and one line in memory at a time. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let [number, endsAt, length] = [1, 0, 0];
  let parts: Uint8Array[] = [];
  const take = (): Line | null => {
    const content = length > maxLineBytes ? { problem: "too-long" as const } : decode(parts, number);
    const line = "text" in content && content.text.trim() === "" ? null : { number, endsAt, content };
    [parts, length] = [[], 0];
    number += 1;
    return line;
  };
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const end = chunk.indexOf(newline, at);
      const part = chunk.subarray(at, end === -1 ? undefined : end);
      length += part.length;
      if (length > maxLineBytes) parts = [];
      else parts.push(part);
      at += part.length + (end === -1 ? 0 : 1);
      endsAt += part.length + (end === -1 ? 0 : 1);
      if (end === -1) break;
      const line = take();
      if (line) yield line;
    }
  }
  const last = length > 0 ? take() : null;
  if (last) yield last;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(parts: Uint8Array[], number: number): Line["content"] {
  const whole = Buffer.concat(parts);
  const hasMark = number === 1 && whole.subarray(0, 3).equals(byteOrderMark);
  try {
    return { text: utf8.decode(hasMark ? whole.subarray(3) : whole) };
  } catch {
    return { problem: "not-utf-8" };
  }
}
