import "server-only";
import { z } from "zod";
import { listShadowBreaks, summarizeShadow } from "@/lib/connections/pages/shadow-report";
import { cursorField, readCursor, writeCursor } from "@/lib/api/cursor";
import { time } from "@/lib/api/fields";
import { answer, operation } from "@/lib/api/operation";
import { shadowBreak, shadowBreakOf, shadowSummary, shadowSummaryOf } from "@/lib/api/shadow-report-fields";
import { snapTradeId } from "@/lib/snaptrade/id";

/** The last entry of a page, and the time until which breaks that still last are counted. */
const position = z.strictObject({ noticedAt: time, id: snapTradeId, asOf: time });

export const getShadowReport = operation({
  name: "listShadowBreaks",
  method: "GET",
  path: "/shadow-report",
  scope: "connections:read",
  summary: "List the breaks noticed in shadow mode",
  description:
    "Every break that was noticed while MODE was shadow, in the order of `noticed_at`. Each says whether a webhook reported it and whether the connection works again; whether your own code notified anyone isn’t visible from here.",
  query: z.strictObject({
    cursor: cursorField.optional(),
    limit: z.coerce.number().int().min(1).max(500).default(100),
  }),
  answers: {
    200: z
      .object({
        breaks: z.array(shadowBreak),
        next_cursor: z.string().nullable().meta({ description: "Null at the end" }),
        as_of: time.meta({
          description: "The time until which breaks that still last are counted, the same on every page",
        }),
      })
      .meta({ id: "ShadowReport" }),
  },
  problems: [],
  work: async ({ query, now }) => {
    const after = query.cursor === undefined ? null : readCursor(position, query.cursor);
    const asOf = after?.asOf ?? now;
    const found = await listShadowBreaks(after, query.limit + 1, asOf);
    const page = found.slice(0, query.limit);
    const last = found.length > query.limit ? page.at(-1) : undefined;
    const next = last && z.encode(position, { noticedAt: last.noticedAt, id: last.id, asOf });
    return answer(200, {
      breaks: page.map((one) => shadowBreakOf(one, asOf)),
      next_cursor: next ? writeCursor(next) : null,
      as_of: asOf,
    });
  },
});

export const getShadowSummary = operation({
  name: "getShadowSummary",
  method: "GET",
  path: "/shadow-report/summary",
  scope: "connections:read",
  summary: "Add up the breaks noticed in shadow mode",
  description:
    "The sums of the whole report, which takes long if there are many breaks. Whoever asks meanwhile gets the same answer. After 503, ask again: the work goes on.",
  query: z.strictObject({}),
  answers: { 200: shadowSummary },
  problems: [],
  work: async ({ now }) => answer(200, await summarizeOnce(now)),
});

let running: Promise<z.output<typeof shadowSummary>> | undefined;

/** Reads the whole report at most once at a time in this process, and lets a run that outlasts a request end. */
function summarizeOnce(now: Date) {
  running ??= summarizeShadow(now)
    .then((sum) => shadowSummaryOf(sum, now))
    .finally(() => (running = undefined));
  return running;
}
