"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { reportPortal } from "@/lib/connections/actions";
import type { PortalClaim } from "@/lib/connections/portal-outcome";
import type { OpenedPortal, PortalView } from "@/lib/connections/views";
import { useLive } from "../live-updates";
import { poll } from "./poll";
import { readPortalMessage } from "./portal-messages";

/** True once nothing more is to be asked. */
export function isFinal({ outcome }: PortalView): boolean {
  return outcome.state === "fixed" || outcome.state === "connected" || outcome.state === "failed";
}

/**
 * One trip to the portal as the dialog follows it. Every signal (a message, the end of the trip) first shows "checking";
 * what is shown then is what the server concluded.
 */
export function usePortalTrip(opened: OpenedPortal) {
  const [trip, setTrip] = useState({ opened, view: opened.view, signalled: false, heard: false });
  const asked = useRef(0);
  const { portalSessionId } = trip.view;
  const { portalOrigins } = trip.opened;

  const report = useCallback(async (id: string, claim: PortalClaim | null) => {
    const turn = ++asked.current;
    const result = await reportPortal({ portalSessionId: id, claim });
    if (!result.ok) return;
    setTrip((now) => {
      // An answer that was overtaken, or belongs to an earlier trip, says nothing new.
      if (now.view.portalSessionId !== id || (turn !== asked.current && !isFinal(result.data))) return now;
      return { ...now, view: result.data, signalled: now.signalled || isFinal(result.data) };
    });
  }, []);

  const signal = useCallback(
    (claim: PortalClaim) => {
      setTrip((now) => {
        if (isFinal(now.view)) return now;
        const checking = { state: "checking" as const, signedIn: claim.status === "SUCCESS" };
        return { ...now, signalled: true, view: now.signalled ? now.view : { ...now.view, outcome: checking } };
      });
      return report(portalSessionId, claim);
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

  const final = isFinal(trip.view);
  useEffect(() => {
    if (final) return;
    return poll(() => report(portalSessionId, null), trip.signalled);
  }, [final, portalSessionId, report, trip.signalled]);

  // A change of something of theirs may be this repair, told by a webhook; while the dialog is open the page stays as it is.
  const live = useLive();
  useEffect(() => live?.intercept(() => void report(portalSessionId, null)), [live, portalSessionId, report]);

  const begin = useCallback((next: OpenedPortal) => setTrip({ opened: next, view: next.view, signalled: false, heard: false }), []);
  return { ...trip, signal, begin };
}
