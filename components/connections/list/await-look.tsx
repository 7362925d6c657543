"use client";

import { useEffect } from "react";
import { useLive } from "@/components/live-updates";

const againMs = 60_000;
/** A look that is due later than this is not being waited for yet. */
const soonMs = 15_000;

/**
 * On a page whose knowledge is too old or contradicted. Reading the page makes the server look when that is
 * due, and open pages hear of what it found; so this one only has to read itself again when the look is due
 * later, or no word came.
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
      Checking with SnapTrade …
    </p>
  );
}
