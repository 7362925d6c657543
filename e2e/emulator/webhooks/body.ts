import { createHmac } from "node:crypto";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/**
 * How SnapTrade might format a body, which is not public (docs/snaptrade.md §8.5). All formats share one
 * signature.
 */
export const bodyForms = ["compact", "spaced", "reordered", "unescaped"] as const;
export type BodyForm = (typeof bodyForms)[number];

/** Serializes an event in this format; the content is always the same. */
export function writeBody(event: object, form: BodyForm): string {
  const content = event as Record<string, Json>;
  switch (form) {
    case "compact":
      return dumps(content, { escape: true });
    case "spaced":
      return dumps(content, { escape: true, gap: " " });
    case "reordered":
      return dumps(Object.fromEntries(Object.entries(content).reverse()), { escape: true });
    case "unescaped":
      return dumps(content, { escape: false });
  }
}

/**
 * SnapTrade's signature of an event: over sorted, compact, ASCII-only JSON, with the key used as is
 * (docs/snaptrade.md §6.6).
 */
export function signEvent(consumerKey: string, event: object): string {
  const canonical = dumps(event as Record<string, Json>, { escape: true, sort: true });
  return createHmac("sha256", consumerKey).update(canonical).digest("base64");
}

interface Style {
  escape: boolean;
  gap?: string;
  sort?: boolean;
}

/** Like Python's json.dumps, for content without floats. */
function dumps(value: Json, style: Style): string {
  const { escape, gap = "", sort = false } = style;
  if (Array.isArray(value)) return `[${value.map((item) => dumps(item, style)).join(`,${gap}`)}]`;
  if (value === null || typeof value !== "object") {
    const text = JSON.stringify(value);
    return escape
      ? text.replace(/[^\x00-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      : text;
  }
  const names = Object.keys(value);
  if (sort) names.sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
  return `{${names.map((name) => `${dumps(name, style)}:${gap}${dumps(value[name] ?? null, style)}`).join(`,${gap}`)}}`;
}
