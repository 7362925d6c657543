import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { Client } from "pg";

const recorded = new Map<string, string>();

/** Records each statement that this process sends through pg, for `npm run statements:record`. */
export function recordStatements(): void {
  const send = Reflect.get(Client.prototype, "query") as (this: Client, ...args: unknown[]) => unknown;
  Client.prototype.query = function (this: Client, ...args: unknown[]) {
    const [config] = args;
    const text = typeof config === "object" && config && "text" in config ? config.text : config;
    // A statement about one day's partition works on that day only.
    const isDated = typeof text === "string" && /_\d{8}\b/.test(text);
    if (typeof text === "string" && !isDated && /^\s*(select|insert|update|delete|with)\b/i.test(text))
      recorded.set(shapeOf(text), text);
    return send.apply(this, args);
  } as typeof Client.prototype.query;
}

export function writeRecorded(folder: string): void {
  writeFileSync(path.join(folder, `${randomUUID()}.json`), JSON.stringify([...recorded.values()]));
}

/** The same for lists of any length. */
const shapeOf = (text: string) =>
  text
    .replaceAll(/\$\d+/g, "$")
    .replaceAll(/\(\s*(\$|default)(::\w+)?(,\s*(\$|default)(::\w+)?)*\s*\)/g, "(…)")
    .replaceAll(/\(…\)(,\s*\(…\))*/g, "(…)");
