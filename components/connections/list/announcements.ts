import type { ConnectionView } from "@/lib/connections/views";
import { clock, type Viewer } from "@/lib/base/times";
import { statusDisplay } from "@/components/connections/status-display";

/** What is announced when a connection's status changes on an open page, by connection id. */
export function announcements(connections: ConnectionView[], viewer: Viewer): Record<string, string> {
  return Object.fromEntries(
    connections.map((connection) => [connection.id, announcementOf(connection, viewer)]),
  );
}

function announcementOf({ status, brokerage, fixedAt }: ConnectionView, viewer: Viewer): string {
  switch (status) {
    case "fresh":
      return `${brokerage.name} reconnected.${fixedAt ? ` SnapTrade confirmed at ${clock(viewer, fixedAt)}.` : ""}`;
    case "connected":
      return `${brokerage.name} is working.`;
    case "disabled":
    case "disabled-incident":
      return `${brokerage.name} stopped sharing data.`;
    case "unsupported":
      return `SnapTrade no longer connects to ${brokerage.name}.`;
    case "removed":
      return `${brokerage.name} was removed.`;
    default:
      return `${brokerage.name}: ${statusDisplay[status].label ?? "Connected"}.`;
  }
}
