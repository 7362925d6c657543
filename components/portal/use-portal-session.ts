"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { reportPortal } from "@/lib/connections/actions";
import { failureOf, isFinal } from "@/lib/connections/portal/outcome";
import { type ReportedResult, type PortalFailure } from "@/lib/connections/views";
import type { OpenedPortal, PortalView } from "@/lib/connections/views";
import { useLive } from "@/components/live-updates";
import { poll, type Pace } from "./poll";
import { readPortalMessage } from "./portal-messages";

interface PortalSession {
  opened: OpenedPortal;
  view: PortalView;
  /** The result has replaced the portal. */
  showsResult: boolean;
  /** The portal has sent at least one message. */
  receivedMessage: boolean;
  /** The portal's latest error, which leaves the portal open. */
  lastError: PortalFailure | null;
  /** The person has since been signed out of this app. */
  signedOut: boolean;
}

const initialSession = (opened: OpenedPortal): PortalSession => ({
  opened,
  view: opened.view,
  showsResult: false,
  receivedMessage: false,
  lastError: null,
  signedOut: false,
});

/** A success is complete once we know which accounts came back. */
const isComplete = ({ outcome, intent, accountsBack }: PortalView) =>
  isFinal(outcome) &&
  outcome.state !== "failed" &&
  (intent === "connect" || outcome.state !== "fixed" || accountsBack !== null);

function paceOf({ view, showsResult }: PortalSession): Pace | null {
  if (isComplete(view)) return null;
  if (view.outcome.state === "failed") return "rest";
  return showsResult ? "answer" : "visit";
}

/**
 * One portal session as the dialog follows it. A success or the end of the visit first shows "checking", then
 * whatever the server concluded. An error leaves the portal open, since it lets the person try again
 * (docs/snaptrade.md §4.10). Starting another visit abandons this one.
 */
export function usePortalSession(opened: OpenedPortal) {
  const [session, setSession] = useState(() => initialSession(opened));
  const asked = useRef(0);
  /**
   * The session whose portal is shown; null once it has given way to a result. State would know a render
   * later, and a report made in between would reopen the session.
   */
  const inside = useRef<string | null>(opened.view.portalSessionId);
  const { portalSessionId } = session.view;
  const { portalOrigins } = session.opened;

  const report = useCallback(async (id: string, reportedResult: ReportedResult | null, over = false) => {
    const turn = ++asked.current;
    const report = { reportedResult, over, inside: inside.current === id };
    const result = await reportPortal({ portalSessionId: id, ...report });
    if (inside.current === id && result.ok && isFinal(result.data.outcome)) inside.current = null;
    setSession((now) => {
      if (now.view.portalSessionId !== id) return now;
      if (!result.ok)
        return result.code === "signed-out" ? { ...now, signedOut: true, showsResult: true } : now;
      // A superseded answer says nothing new unless it is final.
      const final = isFinal(result.data.outcome);
      if (turn !== asked.current && !final) return now;
      return { ...now, view: result.data, showsResult: now.showsResult || final };
    });
  }, []);

  const signal = useCallback(
    (reportedResult: ReportedResult) => {
      if (reportedResult.status === "ERROR") {
        // The same error may arrive a second time in an older form that has no code.
        setSession((now) => ({
          ...now,
          lastError:
            reportedResult.code === null && now.lastError ? now.lastError : failureOf(reportedResult.code),
        }));
        return report(portalSessionId, reportedResult);
      }
      if (inside.current === portalSessionId) inside.current = null;
      setSession((now) => {
        if (now.showsResult || isFinal(now.view.outcome)) return now;
        const checking = { state: "checking" as const, signedIn: reportedResult.status === "SUCCESS" };
        return { ...now, showsResult: true, view: { ...now.view, outcome: checking } };
      });
      return report(portalSessionId, reportedResult, true);
    },
    [portalSessionId, report],
  );

  useEffect(() => {
    // The sending window isn't documented, so only the origin is checked (docs/snaptrade.md §8.24).
    function listen(event: MessageEvent) {
      if (!portalOrigins.includes(event.origin)) return;
      const message = readPortalMessage(event.data);
      setSession((now) => ({ ...now, receivedMessage: true }));
      if (message) void signal(message.kind === "result" ? message.reportedResult : { status: "ABANDONED" });
    }
    window.addEventListener("message", listen);
    return () => window.removeEventListener("message", listen);
  }, [portalOrigins, signal]);

  const { showsResult } = session;
  const pace = session.signedOut ? null : paceOf(session);
  useEffect(() => {
    if (pace) return poll(() => report(portalSessionId, null), pace);
  }, [pace, portalSessionId, report]);

  // A change may be this very repair, reported by a webhook. The page behind the dialog stays as it is.
  const live = useLive();
  useEffect(() => live?.intercept(() => void report(portalSessionId, null)), [live, portalSessionId, report]);

  const begin = useCallback(
    (next: OpenedPortal) => {
      setSession(initialSession(next));
      inside.current = next.view.portalSessionId;
      const left = !showsResult && next.view.portalSessionId !== portalSessionId;
      if (left) void reportPortal({ portalSessionId, reportedResult: { status: "ABANDONED" }, over: true });
    },
    [portalSessionId, showsResult],
  );
  return { ...session, signal, begin };
}
