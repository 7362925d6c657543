import { isShadow } from "@/lib/base/mode";
import { newestOf } from "@/lib/base/times";
import { isInIncident } from "@/lib/connections/observations/project";
import { daysToUsualEnd, signedInAt, type Lifetimes } from "@/lib/connections/observations/lifetimes";
import { isPortalOpen, type LookFacts } from "@/lib/connections/look/due";
import { unconfirmedAfterSeconds } from "@/lib/connections/portal/outcome";
import type { ConnectionView } from "@/lib/connections/views";
import type { ConnectionRow } from "./rows";
import { canReconnect, groupOf, statusOf, type Moment } from "./status";

/**
 * A connection as pages show it; everything about it is decided here.
 * @param all every connection of the same person
 */
export function toView(
  row: ConnectionRow,
  all: ConnectionRow[],
  look: LookFacts,
  lifetimes: Map<string, Lifetimes>,
  moment: Moment,
): ConnectionView {
  const openSession = row.portalSessions.find(
    (session) => session.outcome === null && isShown(session, row.disabledAt, moment.now),
  );
  const newestSession = row.portalSessions[0];
  const fixedAt = row.episodes.find((episode) => episode.endedHow === "fixed")?.endedAt ?? null;
  const status = statusOf(
    {
      disabled: row.state === "disabled",
      disabledAt: row.disabledAt,
      deletedAt: row.state === "deleted" ? row.observedAt : null,
      removalRequestedAt: row.removalRequestedAt,
      fixedAt,
      inIncident: isInIncident(
        row.disabledAt,
        row.brokerage.incidents.filter(({ endedAt }) => !endedAt),
      ),
      openPortal: openSession
        ? { activeAt: openSession.activeAt, reportedSuccess: openSession.reportedStatus === "SUCCESS" }
        : null,
      unreadableSince: row.unreadableSince,
      brokerage: row.brokerage,
    },
    look,
    moment,
  );
  const unfinished =
    status === "disabled" &&
    newestSession?.outcome === "failed" &&
    row.disabledAt &&
    newestSession.openedAt &&
    newestSession.openedAt > row.disabledAt;
  return {
    id: row.id,
    brokerage: {
      id: row.brokerage.id,
      slug: row.brokerage.slug,
      name: row.brokerage.name,
      logoUrl: row.brokerage.logoUrl,
    },
    status,
    group: groupOf(status),
    canReconnect: canReconnect(status) && !isShadow(),
    access: row.access,
    accounts: row.accounts.map(({ id, name, lastDigits }) => ({ id, name, lastDigits })),
    connectedSince: row.connectedSince,
    disabledAt: row.disabledAt,
    dataAsOf: newestOf(row.accounts.map(({ holdingsAt }) => holdingsAt)),
    fixedAt,
    removalRequestedAt: row.removalRequestedAt,
    removalHeard: row.removalAcceptedAt !== null,
    removalParked: row.removalRequestedAt !== null && row.removalRunAt === null,
    removedAt: row.state === "deleted" ? row.observedAt : null,
    portalOpenedAt: openSession?.startedAt ?? null,
    lastSessionUnfinishedAt: unfinished ? newestSession.startedAt : null,
    secondConnectionId: isShadow() ? null : (secondConnection(row, all)?.id ?? null),
    daysToUsualEnd: daysToUsualEnd(
      {
        enabled: row.state === "enabled",
        worksSince: signedInAt(row, moment.now),
        lifetimes: lifetimes.get(row.brokerage.id) ?? null,
      },
      moment.now,
    ),
    canAllowTrading:
      row.brokerage.allowsTrading &&
      row.access === "read" &&
      row.state === "enabled" &&
      !row.removalRequestedAt &&
      !isShadow(),
  };
}

type ShownSession = Pick<
  ConnectionRow["portalSessions"][number],
  "openedAt" | "activeAt" | "leftAt" | "reportedStatus" | "reportedAt"
>;

/**
 * Whether the person may be in the portal for the current break, or has just said that they signed in there.
 */
function isShown(
  { openedAt, activeAt, leftAt, reportedStatus, reportedAt }: ShownSession,
  disabledAt: Date | null,
  now: Date,
): boolean {
  // Without a login link there is nothing to visit, and open pages have not been notified.
  if (!openedAt) return false;
  // SnapTrade's clock is known to about a second. A session from an earlier break is over.
  if (disabledAt && openedAt.getTime() + 1_000 < disabledAt.getTime()) return false;
  if (reportedStatus === "SUCCESS" && reportedAt)
    return now.getTime() - reportedAt.getTime() < unconfirmedAfterSeconds * 1_000;
  return isPortalOpen({ activeAt }, now) && !leftAt;
}

/**
 * A working connection at the same brokerage, made after this one broke: probably a repair that made a new
 * connection instead (docs/snaptrade.md §3.5).
 */
function secondConnection(row: ConnectionRow, all: ConnectionRow[]): ConnectionRow | undefined {
  const { disabledAt } = row;
  if (row.state !== "disabled" || !disabledAt || row.keptBothSince || row.removalRequestedAt)
    return undefined;
  return all.find(
    (other) =>
      other.state === "enabled" &&
      !other.removalRequestedAt &&
      other.brokerage.id === row.brokerage.id &&
      other.connectedSince !== null &&
      other.connectedSince > disabledAt,
  );
}
