"use client";

import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { awaitLook } from "@/lib/connections/actions";

const againMs = 60_000;

/** On a page that is older than a look should be: waits for the look that the server began, then shows what it found. */
export function AwaitLook({ lookedAt }: { lookedAt: string | null }) {
  const router = useRouter();
  useEffect(() => {
    const look = () => void awaitLook({}).then(() => router.refresh());
    look();
    const timer = setInterval(() => document.visibilityState === "visible" && look(), againMs);
    return () => clearInterval(timer);
  }, [router, lookedAt]);
  return (
    <p role="status" className="sr-only">
      Checking with SnapTrade …
    </p>
  );
}
