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
      {statusWord(connection, reading)}
    </span>
  );
}

export function statusWord({ status }: ConnectionView, { viewer, now, lookedAt }: Reading): string {
  if (statusDisplay[status].word) return statusDisplay[status].word;
  if (!lookedAt) return "Not checked";
  // An hour without its day would be read as today's.
  return isDayOld(lookedAt, now)
    ? `Not checked since ${dayClock(viewer, lookedAt, now)}`
    : `Connected at ${clock(viewer, lookedAt)}`;
}

function removingEnd({ removalHeard, removalParked }: ConnectionView): string {
  if (removalParked) return ", but SnapTrade still has it. You can ask again or keep it.";
  return removalHeard
    ? ". Waiting for SnapTrade to confirm."
    : " and don’t know yet whether it heard us. We’ll keep asking.";
}

/** One sentence, in the reader's words: since when, what they see meanwhile, whose move it is. */
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
      return <>SnapTrade no longer connects to {brokerage.name}. Signing in again can’t help.</>;
    case "verifying":
      return <>You signed in. Asking SnapTrade to confirm.</>;
    case "reconnecting":
      return <>Sign-in page opened {portalOpenedAt && relative(portalOpenedAt)}.</>;
    case "disabled-maintenance":
      return <>{brokerage.name} is under maintenance. You can reconnect when it’s over.</>;
    case "disabled-incident":
      return (
        <>
          Many {brokerage.name} connections stopped at once. {brokerage.name} may have trouble, so signing in
          may not work yet.
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
      return <>{brokerage.name} is under maintenance. We keep checking.</>;
    case "degraded":
      return <>{brokerage.name} has technical trouble. Data may come late or be incomplete.</>;
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
        return <>May need signing in again in about {count(connection.daysToUsualEnd, "day")}.</>;
      return <>Checked {lookedAt && relative(lookedAt)}</>;
  }
}
