import type { ConnectionView } from "@/lib/connections/views";
import { ago, clock, count, dayAt, dayClock, type Viewer } from "@/lib/base/times";
import { LinkGlyph } from "../ui/link-glyph";
import { Time } from "../ui/time";
import { statusDisplay } from "./status-display";

export interface Reading {
  viewer: Viewer;
  now: Date;
  lookedAt: Date | null;
}

const isDayOld = (at: Date, now: Date) => now.getTime() - at.getTime() > 86_400_000;

export function StatusMark({ connection, reading }: { connection: ConnectionView; reading: Reading }) {
  const { glyph, mark, text } = statusDisplay[connection.status];
  return (
    <span className={`flex items-center gap-2 font-semibold ${text}`}>
      <LinkGlyph name={glyph} className={mark} />
      {statusLabel(connection, reading)}
    </span>
  );
}

export function statusLabel({ status }: ConnectionView, { viewer, now, lookedAt }: Reading): string {
  if (statusDisplay[status].label) return statusDisplay[status].label;
  if (!lookedAt) return "Not checked";
  // A time without its day would be taken for today's.
  return isDayOld(lookedAt, now)
    ? `Not checked since ${dayClock(viewer, lookedAt, now)}`
    : `Connected at ${clock(viewer, lookedAt)}`;
}

function removingEnd({ removalHeard, removalParked }: ConnectionView): string {
  if (removalParked) return ", but SnapTrade still has it. You can ask again or keep it.";
  return removalHeard
    ? ". Waiting for SnapTrade to confirm."
    : ", but we don’t know whether it got the request. We’ll keep asking.";
}

/** One sentence: since when, what the person sees meanwhile, and whose move it is. */
export function StatusSentence({ connection, reading }: { connection: ConnectionView; reading: Reading }) {
  const { viewer, now, lookedAt } = reading;
  const {
    status,
    brokerage,
    disabledAt,
    dataAsOf,
    fixedAt,
    removalRequestedAt,
    removedAt,
    portalOpenedAt,
    lastSessionUnfinishedAt,
  } = connection;
  const relative = (at: Date) => (
    <Time at={at} viewer={viewer}>
      {ago(viewer, at, now)}
    </Time>
  );
  const showing = dataAsOf && (
    <>
      {" Showing data from "}
      <Time at={dataAsOf} viewer={viewer}>
        {dayClock(viewer, dataAsOf, now)}
      </Time>
      .
    </>
  );
  switch (status) {
    case "removed":
      return (
        <>
          SnapTrade confirmed{" "}
          {removedAt && (
            <Time at={removedAt} viewer={viewer}>
              {dayAt(viewer, removedAt, now)}
            </Time>
          )}
          .
        </>
      );
    case "removing":
      return (
        <>
          {connection.removalHeard ? "You asked " : `We asked SnapTrade to remove ${brokerage.name} `}
          {removalRequestedAt && (
            <Time at={removalRequestedAt} viewer={viewer}>
              {dayAt(viewer, removalRequestedAt, now)}
            </Time>
          )}
          {removingEnd(connection)}
        </>
      );
    case "unknown-connected":
      return lookedAt && isDayOld(lookedAt, now) ? <>It was connected then.</> : <>Not checked since.</>;
    case "unknown-disabled":
      return (
        <>
          {lookedAt && (
            <>
              At{" "}
              <Time at={lookedAt} viewer={viewer}>
                {clock(viewer, lookedAt)}
              </Time>
              .
            </>
          )}
          {showing}
        </>
      );
    case "unsupported":
      return <>SnapTrade no longer connects to {brokerage.name}. Signing in again won’t help.</>;
    case "verifying":
      return <>You signed in. We’re asking SnapTrade to confirm.</>;
    case "reconnecting":
      return <>Sign-in page opened {portalOpenedAt && relative(portalOpenedAt)}.</>;
    case "disabled-maintenance":
      return <>{brokerage.name} is under maintenance. You can reconnect when it’s over.</>;
    case "disabled-incident":
      return (
        <>
          Many {brokerage.name} connections stopped at once. {brokerage.name} may be having problems, so
          signing in may not work yet.
        </>
      );
    case "disabled":
      return (
        <>
          Stopped {disabledAt && relative(disabledAt)}.
          {lastSessionUnfinishedAt ? (
            <>
              {" "}
              The sign-in at{" "}
              <Time at={lastSessionUnfinishedAt} viewer={viewer}>
                {clock(viewer, lastSessionUnfinishedAt)}
              </Time>{" "}
              wasn’t finished.
            </>
          ) : (
            showing
          )}
        </>
      );
    case "maintenance":
      return <>{brokerage.name} is under maintenance. We’ll keep checking.</>;
    case "degraded":
      return <>{brokerage.name} is having technical problems. Data may be late or incomplete.</>;
    case "fresh":
      return (
        <>
          SnapTrade confirmed{" "}
          {fixedAt && (
            <Time at={fixedAt} viewer={viewer}>
              {dayAt(viewer, fixedAt, now)}
            </Time>
          )}
        </>
      );
    case "connected":
      if (connection.daysToUsualEnd !== null)
        return <>You may need to sign in again in about {count(connection.daysToUsualEnd, "day")}.</>;
      return <>Checked {lookedAt && relative(lookedAt)}</>;
  }
}
