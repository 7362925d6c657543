const encoder = new TextEncoder();

/** One message of the wire protocol. */
export function message(type: string, ...parts: Uint8Array[]): Uint8Array {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5);
  head.write(type, 0, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

export const text = (...words: string[]) => encoder.encode(words.map((word) => `${word}\0`).join(""));
export const simpleQuery = (sql: string) => message("Q", text(sql));
export const ready = (status: string) => message("Z", encoder.encode(status));
export const failure = (severity: string, code: string, words: string) =>
  message("E", text(`S${severity}`, `V${severity}`, `C${code}`, `M${words}`), Buffer.from([0]));
