import type { NoticeKind } from "@/lib/notifications/rules";
import { newestOf } from "@/lib/base/times";
import { isInIncident, type Source } from "@/lib/connections/observations/project";
import { explainFailure, reportedResultOf } from "@/lib/connections/portal/outcome";
import { type ReportedResult } from "@/lib/connections/views";
import type { TimelineEntry } from "@/lib/connections/views";

interface History {
  state: "enabled" | "disabled" | "deleted";
  accounts: { holdingsAt: Date | null }[];
  /** Newest first. */
  episodes: {
    brokeAt: Date;
    noticedAt: Date;
    noticedBy: Source;
    endedAt: Date | null;
    endedHow: "fixed" | "deleted" | null;
    /** Only those sent by e-mail. */
    notices: { kind: NoticeKind; sentAt: Date | null; subject: string | null }[];
  }[];
  portalSessions: {
    /** Our clock. */
    startedAt: Date;
    endedAt: Date | null;
    /** SnapTrade's clock, as for episodes. */
    openedAt: Date | null;
    outcome: string | null;
    reportedStatus: ReportedResult["status"] | null;
    reportedCode: string | null;
    signInResult: string | null;
  }[];
  /** Incidents at this brokerage. */
  brokerage: { incidents: { beganAt: Date; endedAt: Date | null }[] };
}

/**
 * What happened in the newest episode, oldest first; empty for a connection that never broke. An open episode
 * ends with what comes next.
 * @param lookedAt our clock
 */
export function timelineOf(history: History, lookedAt: Date | null): TimelineEntry[] {
  const episode = history.episodes[0];
  if (!episode) return [];
  const { brokeAt, noticedAt, noticedBy, endedAt, endedHow, notices } = episode;
  const inIncident = isInIncident(brokeAt, history.brokerage.incidents);
  const mails = notices.map(({ kind, sentAt, subject }) => ({
    about: kind,
    entry: { kind: "mailed" as const, at: sentAt, subject: subject ?? "" },
  }));
  const seconds = Math.max(0, Math.round((noticedAt.getTime() - brokeAt.getTime()) / 1000));
  const happened: TimelineEntry[] = [
    ...lastData(history, brokeAt),
    { kind: "stopped", at: brokeAt, inIncident },
    { kind: noticedBy === "webhook" ? "reported-by-webhook" : "noticed-by-look", at: noticedAt, seconds },
    ...portalVisits(history, brokeAt, endedAt),
    ...mails.flatMap(({ about, entry }) => (about === "fixed" ? [] : entry)),
  ];
  if (!endedAt && lookedAt && lookedAt > noticedAt) happened.push({ kind: "still-disabled", at: lookedAt });
  happened.sort((one, other) => (one.at?.getTime() ?? 0) - (other.at?.getTime() ?? 0));
  const end: TimelineEntry = endedAt
    ? { kind: endedHow === "deleted" ? "deleted" : "fixed", at: endedAt }
    : { kind: "to-come", at: null };
  return [...happened, end, ...mails.flatMap(({ about, entry }) => (about === "fixed" ? entry : []))];
}

function lastData(history: History, brokeAt: Date): TimelineEntry[] {
  const at = newestOf(
    history.accounts.map(({ holdingsAt }) => (holdingsAt && holdingsAt <= brokeAt ? holdingsAt : null)),
  );
  return at ? [{ kind: "last-data", at }] : [];
}

function portalVisits(history: History, brokeAt: Date, endedAt: Date | null): TimelineEntry[] {
  return history.portalSessions
    .filter(
      ({ openedAt, outcome }) =>
        outcome !== "not-opened" && openedAt && isBetween(openedAt, brokeAt, endedAt),
    )
    .map((session) => ({
      kind: "portal-opened" as const,
      at: session.startedAt,
      ...(session.endedAt
        ? {
            seconds: Math.max(
              0,
              Math.round((session.endedAt.getTime() - session.startedAt.getTime()) / 1000),
            ),
          }
        : {}),
      ending: endingOf(session),
    }));
}

/** SnapTrade's `Date` headers have whole seconds (docs/snaptrade.md §7.3). */
const dateResolutionMs = 1_000;

function isBetween(at: Date, from: Date, to: Date | null): boolean {
  return at.getTime() + dateResolutionMs >= from.getTime() && (!to || at <= to);
}

function endingOf({
  outcome,
  signInResult,
  ...session
}: History["portalSessions"][number]): TimelineEntry["ending"] {
  if (outcome === "fixed") return "fixed";
  return outcome === null ? "open" : explainFailure(reportedResultOf(session), signInResult).failure;
}
