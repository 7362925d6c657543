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

/**
 * A statement with parameters as text, as drivers send it.
 * @param described whether the answer names the columns
 */
export function parametrized(sql: string, parameters: string[], described = false): Buffer {
  const values = parameters.map((value) => [int32(Buffer.byteLength(value)), Buffer.from(value)]);
  return Buffer.concat([
    message("P", text("", sql), int16(0)),
    message("B", text("", ""), int16(0), int16(parameters.length), ...values.flat(), int16(0)),
    ...(described ? [message("D", text("P"))] : []),
    message("E", text(""), int32(0)),
    message("S"),
  ]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
