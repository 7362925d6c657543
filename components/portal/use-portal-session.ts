"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { reportPortal } from "@/lib/connections/actions";
import { failureOf, isFinal } from "@/lib/connections/portal/outcome";
import { type ReportedResult, type PortalFailure } from "@/lib/connections/views";
import type { OpenedPortal, PortalView } from "@/lib/connections/views";
import { useLive } from "@/components/live-updates";
import { poll, type Pace } from "./poll";
import { readPortalMessage } from "./portal-messages";

interface Trip {
  opened: OpenedPortal;
  view: PortalView;
  /** The result has replaced the portal. */
  signalled: boolean;
  /** Whether the portal has sent any message at all. */
  heard: boolean;
  /** The portal's latest error on a sign-in that it lets the person retry. */
  lastError: PortalFailure | null;
  /** The person has been signed out of this app in the meantime. */
  signedOut: boolean;
}

const beginning = (opened: OpenedPortal): Trip => ({
  opened,
  view: opened.view,
  signalled: false,
  heard: false,
  lastError: null,
  signedOut: false,
});

/** A success is complete once we know which accounts came back. */
const isComplete = ({ outcome, intent, accountsBack }: PortalView) =>
  isFinal(outcome) &&
  outcome.state !== "failed" &&
  (intent === "connect" || outcome.state !== "fixed" || accountsBack !== null);

function paceOf({ view, signalled }: Trip): Pace | null {
  if (isComplete(view)) return null;
  if (view.outcome.state === "failed") return "rest";
  return signalled ? "answer" : "visit";
}

/**
 * One portal session as the dialog follows it. A success or the end of the visit first shows "checking", then
 * whatever the server concluded. An error leaves the portal open, since it lets the person try again
 * (docs/snaptrade.md §4.10). Starting another visit leaves this one.
 */
export function usePortalSession(opened: OpenedPortal) {
  const [trip, setTrip] = useState(() => beginning(opened));
  const asked = useRef(0);
  const { portalSessionId } = trip.view;
  const { portalOrigins } = trip.opened;

  const report = useCallback(
    async (id: string, reportedResult: ReportedResult | null, { over = false, inside = false }) => {
      const turn = ++asked.current;
      const result = await reportPortal({ portalSessionId: id, reportedResult, over, inside });
      setTrip((now) => {
        if (now.view.portalSessionId !== id) return now;
        if (!result.ok)
          return result.code === "signed-out" ? { ...now, signedOut: true, signalled: true } : now;
        // A superseded answer says nothing new.
        const final = isFinal(result.data.outcome);
        if (turn !== asked.current && !final) return now;
        return { ...now, view: result.data, signalled: now.signalled || final };
      });
    },
    [],
  );

  const signal = useCallback(
    (reportedResult: ReportedResult) => {
      if (reportedResult.status === "ERROR") {
        // The same error may come once more in an older form, which has no code.
        setTrip((now) => ({
          ...now,
          lastError:
            reportedResult.code === null && now.lastError ? now.lastError : failureOf(reportedResult.code),
        }));
        return report(portalSessionId, reportedResult, { inside: true });
      }
      setTrip((now) => {
        if (now.signalled || isFinal(now.view.outcome)) return now;
        const checking = { state: "checking" as const, signedIn: reportedResult.status === "SUCCESS" };
        return { ...now, signalled: true, view: { ...now.view, outcome: checking } };
      });
      return report(portalSessionId, reportedResult, { over: true });
    },
    [portalSessionId, report],
  );

  useEffect(() => {
    // The origin is all that can be checked: nobody says which window sends the message (docs/snaptrade.md
    // §8.24).
    function listen(event: MessageEvent) {
      if (!portalOrigins.includes(event.origin)) return;
      const said = readPortalMessage(event.data);
      setTrip((now) => ({ ...now, heard: true }));
      if (said) void signal(said.kind === "result" ? said.reportedResult : { status: "ABANDONED" });
    }
    window.addEventListener("message", listen);
    return () => window.removeEventListener("message", listen);
  }, [portalOrigins, signal]);

  const { signalled } = trip;
  const pace = trip.signedOut ? null : paceOf(trip);
  useEffect(() => {
    if (pace) return poll(() => report(portalSessionId, null, { inside: !signalled }), pace);
  }, [pace, portalSessionId, report, signalled]);

  // A change of something of theirs may be this repair, told by a webhook; while the dialog is open the page
  // stays as it is.
  const live = useLive();
  useEffect(
    () => live?.intercept(() => void report(portalSessionId, null, { inside: !signalled })),
    [live, portalSessionId, report, signalled],
  );

  const begin = useCallback(
    (next: OpenedPortal) => {
      setTrip(beginning(next));
      const left = !signalled && next.view.portalSessionId !== portalSessionId;
      if (left) void reportPortal({ portalSessionId, reportedResult: { status: "ABANDONED" }, over: true });
    },
    [portalSessionId, signalled],
  );
  return { ...trip, signal, begin };
}
