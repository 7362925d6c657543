import "server-only";
import { z } from "zod";
import type { ShadowBreak, ShadowSummary } from "@/lib/connections/pages/shadow-report";
import { time } from "./fields";

const hourMs = 3_600_000;
const hours = (description: string) => z.number().meta({ description });
const count = (description: string) => z.number().int().meta({ description });

/** One break as the API and the NDJSON of `npm run shadow:report` show it. */
export const shadowBreak = z
  .object({
    id: z.string(),
    connection: z.string().meta({ description: "SnapTrade’s id of the connection" }),
    user: z.string().nullable().meta({ description: "Your own id of its owner; null if you gave none" }),
    brokerage: z.object({ id: z.string(), slug: z.string(), name: z.string() }),
    broke_at: time.meta({ description: "When it stopped, as SnapTrade says" }),
    announced: z.enum(["yes", "no", "unknown"]).meta({
      description:
        "Whether SnapTrade’s webhook CONNECTION_BROKEN about it arrived here; `unknown` if none has and the break began before Reconnect knew the connection, was noticed less than an hour ago, or so long ago that its webhooks aren’t kept anymore, or if one that may have been about it couldn’t be read or applied",
    }),
    announced_at: time.nullable().meta({ description: "When that webhook arrived" }),
    noticed_at: time.meta({ description: "When Reconnect noticed" }),
    noticed_by: z.enum(["webhook", "timer", "person", "portal"]),
    ended_at: time.nullable().meta({ description: "Null while it lasts" }),
    ended_how: z.enum(["fixed", "deleted"]).nullable().meta({
      description: "`fixed` means that it works again; who repaired it isn’t visible",
    }),
    newest_data_at: time.nullable().meta({
      description: "While it lasts: the date of the newest data that SnapTrade has for it, if known",
    }),
    unannounced_hours: z.number().nullable().meta({
      description:
        "From the break until the webhook arrived or it ended, whichever came first, or until now. Null if unknown",
    }),
    unrepaired_hours: hours("From the break until it ended, or until now"),
  })
  .meta({ id: "ShadowBreak" });

export const shadowSummary = z
  .object({
    as_of: time,
    breaks: count("Noticed in shadow mode"),
    announced: count("A webhook reported it, sooner or later"),
    never_announced: count("No webhook reported it"),
    announcement_unknown: count("`announced` is `unknown`"),
    repaired: count("Works again"),
    removed: count("Was deleted at SnapTrade"),
    open: count("Nobody has repaired it"),
    unannounced_hours: hours("Of those never announced, until they ended, or until now"),
    unrepaired_hours: hours("Of all, until they ended, or until now"),
    people: count("People with at least one break"),
    people_waiting: count("People with a break that nobody has repaired"),
  })
  .meta({ id: "ShadowSummary" });

const hoursBetween = (from: Date, to: Date) =>
  Math.round((Math.max(0, to.getTime() - from.getTime()) / hourMs) * 100) / 100;

/** @param now our clock; breaks that still last are counted until then */
export function shadowBreakOf(one: ShadowBreak, now: Date): z.output<typeof shadowBreak> {
  const { id, brokerage, announced, announcedAt, brokeAt, endedAt } = one;
  const end = endedAt ?? now;
  const heardAt = announcedAt && announcedAt < end ? announcedAt : end;
  return {
    id,
    connection: one.connectionId,
    user: one.owner,
    brokerage,
    broke_at: brokeAt,
    announced,
    announced_at: announcedAt,
    noticed_at: one.noticedAt,
    noticed_by: one.noticedBy,
    ended_at: endedAt,
    ended_how: one.endedHow,
    newest_data_at: one.newestDataAt,
    unannounced_hours: announced === "unknown" ? null : hoursBetween(brokeAt, heardAt),
    unrepaired_hours: hoursBetween(brokeAt, end),
  };
}

export function shadowSummaryOf(sum: ShadowSummary, now: Date): z.output<typeof shadowSummary> {
  const { breaks, announced, repaired, removed, open, people } = sum;
  return {
    as_of: now,
    breaks,
    announced,
    never_announced: sum.neverAnnounced,
    announcement_unknown: sum.announcementUnknown,
    repaired,
    removed,
    open,
    unannounced_hours: Math.round(sum.unannouncedHours * 100) / 100,
    unrepaired_hours: Math.round(sum.unrepairedHours * 100) / 100,
    people,
    people_waiting: sum.peopleWaiting,
  };
}
