"use client";

import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { awaitLook } from "@/lib/connections/actions";

const againMs = 60_000;

/** On a page whose knowledge is too old or contradicted: waits for the look that is due, then shows what it found. */
export function AwaitLook({ dueAt }: { dueAt: string }) {
  const router = useRouter();
  useEffect(() => {
    const look = () => void awaitLook({}).then(() => router.refresh());
    const first = setTimeout(look, Math.max(0, Date.parse(dueAt) - Date.now()));
    const again = setInterval(() => document.visibilityState === "visible" && look(), againMs);
    return () => {
      clearTimeout(first);
      clearInterval(again);
    };
  }, [router, dueAt]);
  return (
    <p role="status" className="sr-only">
      Checking with SnapTrade …
    </p>
  );
}
