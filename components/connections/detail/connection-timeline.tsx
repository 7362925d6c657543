import type { ConnectionDetailView, TimelineEntry } from "@/lib/connections/views";
import { clock, clockSeconds, count, dayLabel, duration } from "@/lib/base/times";
import { failureText } from "@/components/portal/portal-labels";
import { Time } from "@/components/ui/time";
import { Timeline, type TimelineItem } from "@/components/ui/timeline";
import type { Reading } from "@/components/connections/status-mark";

interface Props {
  detail: Pick<ConnectionDetailView, "timeline" | "lifetime" | "connection">;
  reading: Reading;
  /** Where e-mails are sent; null if we know no address. */
  email: string | null;
}

export function ConnectionTimeline({
  detail: { timeline: entries, lifetime, connection },
  reading,
  email,
}: Props) {
  const brokerage = connection.brokerage.name;
  const { viewer, now } = reading;
  const dayOf = (entry: TimelineEntry | undefined) => (entry?.at ? dayLabel(viewer, entry.at, now) : null);
  const items = entries.map((entry, index): TimelineItem => {
    const day = dayOf(entry) === dayOf(entries[index - 1]) ? null : dayOf(entry);
    const write = entry.kind === "stopped" || entry.kind === "fixed" ? clockSeconds : clock;
    return {
      key: `${entry.kind}-${index}`,
      day,
      time: entry.at && (
        <Time at={entry.at} viewer={viewer}>
          {write(viewer, entry.at)}
        </Time>
      ),
      ...textOf(entry, brokerage, { lifetime, email }),
    };
  });
  return <Timeline items={items} />;
}

function textOf(
  { kind, seconds, ending, inIncident, subject }: TimelineEntry,
  b: string,
  { lifetime, email }: { lifetime: ConnectionDetailView["lifetime"]; email: string | null },
): Pick<TimelineItem, "what" | "detail" | "node"> {
  const later = seconds === undefined || seconds < 1 ? "" : `, ${duration(seconds * 1000)} later`;
  switch (kind) {
    case "last-data":
      return { what: `Last data from ${b}`, detail: "Balances, holdings, and transactions", node: "good" };
    case "stopped":
      return {
        what: "The connection stopped",
        detail: `SnapTrade doesn’t say why. ${likelyReason(b, inIncident, lifetime)}`,
        node: "you-ring",
      };
    case "reported-by-webhook":
      return { what: `SnapTrade notified us${later}`, detail: null, node: "plain" };
    case "noticed-by-look":
      return { what: `We noticed when we checked${later}`, detail: null, node: "plain" };
    case "mailed":
      return {
        what: "We e-mailed you",
        detail: `${email ? `To ${email}, subject` : "Subject"} “${subject ?? ""}”`,
        node: "plain",
      };
    case "portal-opened":
      return { what: "You opened the sign-in page", detail: endingText(ending, b, seconds), node: "plain" };
    case "still-disabled":
      return { what: "Checked: still needs reconnecting", detail: null, node: "you" };
    case "fixed":
      return { what: "Reconnected", detail: "SnapTrade confirmed it.", node: "good" };
    case "deleted":
      return { what: "Removed", detail: "SnapTrade confirmed it.", node: "plain" };
    case "to-come":
      return { what: "Reconnected", detail: "Once SnapTrade confirms it", node: "to-come" };
  }
}

function likelyReason(
  b: string,
  inIncident: boolean | undefined,
  lifetime: ConnectionDetailView["lifetime"],
): string {
  if (inIncident)
    return `Many ${b} connections stopped at about the same time, so your login probably isn’t the cause.`;
  if (!lifetime) return "Usually, a sign-in just expires after a few weeks.";
  return `Usually, a sign-in just expires. At ${b}, that takes about ${count(lifetime.usualDays, "day")}; this one lasted ${count(lifetime.lastedDays, "day")}.`;
}

function endingText(ending: TimelineEntry["ending"], b: string, seconds: number | undefined): string | null {
  const after = seconds ? ` after ${duration(seconds * 1000)}` : "";
  switch (ending) {
    case undefined:
    case "open":
      return null;
    case "fixed":
      return "You finished signing in.";
    case "not-finished":
      return `It was closed${after}. Nothing was changed.`;
    default:
      return `${failureText(ending, b, "repair", false).title}. Nothing was changed.`;
  }
}
