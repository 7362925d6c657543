"use client";

import { useEffect } from "react";
import { useLive } from "@/components/live-updates";

const againMs = 60_000;
/** A look that is due later than this isn't announced yet. */
const soonMs = 15_000;

/**
 * For a page whose data is too old or contradicted. Loading the page starts a look if one is due, and open
 * pages learn what it found; so this only refreshes for a look due later, or if no announcement arrives.
 */
export function AwaitLook({ waitMs }: { waitMs: number }) {
  const live = useLive();
  useEffect(() => {
    if (!live) return;
    const first = waitMs > 0 ? setTimeout(live.catchUp, waitMs) : undefined;
    const again = setInterval(() => document.visibilityState === "visible" && live.catchUp(), againMs);
    return () => {
      clearTimeout(first);
      clearInterval(again);
    };
  }, [live, waitMs]);
  if (waitMs > soonMs) return null;
  return (
    <p role="status" className="sr-only">
      Checking with SnapTrade…
    </p>
  );
}
