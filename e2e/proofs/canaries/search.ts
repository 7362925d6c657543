import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { Pool } from "pg";

export interface Canary {
  name: string;
  value: string;
  /** Kinds of places where it belongs, such as an e-mail with a link. */
  belongsIn?: string[];
}

/** A text that someone other than its owner may see. */
export interface Place {
  kind: string;
  name: string;
  text: string;
}

/** The forms in which a secret might appear. */
function formsOf(value: string): string[] {
  const base64 = [0, 1, 2].map((shift) =>
    // The middle part is the same wherever the value appears in a longer text.
    Buffer.from("\0".repeat(shift) + value)
      .toString("base64")
      .slice(4, -4),
  );
  return [
    ...new Set([
      value,
      encodeURIComponent(value),
      JSON.stringify(value).slice(1, -1),
      Buffer.from(value).toString("hex"),
      ...base64,
    ]),
  ];
}

/** Every place where a canary was found and doesn't belong; doesn't repeat the canary itself. */
export function findLeaks(canaries: Canary[], places: Place[]): string[] {
  return canaries.flatMap(({ name, value, belongsIn = [] }) => {
    const forms = formsOf(value);
    return places
      .filter(({ kind, text }) => !belongsIn.includes(kind) && forms.some((form) => text.includes(form)))
      .map((place) => `${name} in ${place.kind}: ${place.name}`);
  });
}

/** Every row of every table, as text, like a dump. */
export async function dump(pool: Pool): Promise<Place[]> {
  const { rows: tables } = await pool.query<{ name: string }>(
    "select format('%I.%I', table_schema, table_name) as name from information_schema.tables where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')",
  );
  const places: Place[] = [];
  for (const { name } of tables) {
    const { rows } = await pool.query<{ row: string }>(
      `select to_jsonb(kept)::text as row from ${name} as kept`,
    );
    places.push({ kind: "database", name, text: rows.map(({ row }) => row).join("\n") });
  }
  return places;
}

/** Everything that browsers download. */
export async function readBundles(folder: string): Promise<Place[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const file = path.join(entry.parentPath, entry.name);
        return { kind: "bundle", name: path.relative(folder, file), text: await readFile(file, "latin1") };
      }),
  );
}
