"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { reportPortal } from "@/lib/connections/actions";
import { failureOf, isFinal, type PortalClaim, type PortalFailure } from "@/lib/connections/portal-outcome";
import type { OpenedPortal, PortalView } from "@/lib/connections/views";
import { useLive } from "../live-updates";
import { poll, type Pace } from "./poll";
import { readPortalMessage } from "./portal-messages";

interface Trip {
  opened: OpenedPortal;
  view: PortalView;
  /** The result is shown in place of the portal. */
  signalled: boolean;
  /** The portal has said anything at all. */
  heard: boolean;
  /** The portal's last word on a sign-in that it lets the person try again. */
  lastError: PortalFailure | null;
  /** The person was signed out of this app meanwhile. */
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

/** A success is complete once it is known which accounts came back. */
const isComplete = ({ outcome, intent, accountsBack }: PortalView) =>
  isFinal(outcome) && outcome.state !== "failed" && (intent === "connect" || outcome.state !== "fixed" || accountsBack !== null);

function paceOf({ view, signalled }: Trip): Pace | null {
  if (isComplete(view)) return null;
  if (view.outcome.state === "failed") return "rest";
  return signalled ? "answer" : "visit";
}

/**
 * One portal session as the dialog follows it. A success or the end of the visit first shows "checking"; what is shown then is what the
 * server concluded. An error of the portal leaves it open, since it lets the person try again.
 */
export function usePortalTrip(opened: OpenedPortal) {
  const [trip, setTrip] = useState(() => beginning(opened));
  const asked = useRef(0);
  const { portalSessionId } = trip.view;
  const { portalOrigins } = trip.opened;

  const report = useCallback(async (id: string, claim: PortalClaim | null, over: boolean) => {
    const turn = ++asked.current;
    const result = await reportPortal({ portalSessionId: id, claim, over });
    setTrip((now) => {
      if (now.view.portalSessionId !== id) return now;
      if (!result.ok) return result.code === "signed-out" ? { ...now, signedOut: true, signalled: true } : now;
      // An answer that was overtaken says nothing new.
      const final = isFinal(result.data.outcome);
      if (turn !== asked.current && !final) return now;
      return { ...now, view: result.data, signalled: now.signalled || final };
    });
  }, []);

  const signal = useCallback(
    (claim: PortalClaim) => {
      if (claim.status === "ERROR") {
        setTrip((now) => ({ ...now, lastError: failureOf(claim.code) }));
        return report(portalSessionId, claim, false);
      }
      setTrip((now) => {
        if (now.signalled || isFinal(now.view.outcome)) return now;
        const checking = { state: "checking" as const, signedIn: claim.status === "SUCCESS" };
        return { ...now, signalled: true, view: { ...now.view, outcome: checking } };
      });
      return report(portalSessionId, claim, true);
    },
    [portalSessionId, report],
  );

  useEffect(() => {
    function listen(event: MessageEvent) {
      if (!portalOrigins.includes(event.origin)) return;
      const said = readPortalMessage(event.data);
      setTrip((now) => ({ ...now, heard: true }));
      if (said) void signal(said.kind === "claim" ? said.claim : { status: "ABANDONED" });
    }
    window.addEventListener("message", listen);
    return () => window.removeEventListener("message", listen);
  }, [portalOrigins, signal]);

  const pace = trip.signedOut ? null : paceOf(trip);
  useEffect(() => {
    if (pace) return poll(() => report(portalSessionId, null, false), pace);
  }, [pace, portalSessionId, report]);

  // A change of something of theirs may be this repair, told by a webhook; while the dialog is open the page stays as it is.
  const live = useLive();
  useEffect(() => live?.intercept(() => void report(portalSessionId, null, false)), [live, portalSessionId, report]);

  const begin = useCallback((next: OpenedPortal) => setTrip(beginning(next)), []);
  return { ...trip, signal, begin };
}
