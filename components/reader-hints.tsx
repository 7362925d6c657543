"use client";

import { useRouter } from "next/navigation";
import { useEffect } from "react";

/** Tells the server the reader's time zone, for writing times, and color scheme, for opening the portal. */
export function ReaderHints({ timeZone }: { timeZone: string | null }) {
  const router = useRouter();
  useEffect(() => {
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    const keep = "; path=/; max-age=31536000; samesite=lax";
    document.cookie = `color-scheme=${dark ? "dark" : "light"}${keep}`;
    if (own === timeZone) return;
    document.cookie = `time-zone=${encodeURIComponent(own)}${keep}`;
    router.refresh();
  }, [router, timeZone]);
  return null;
}
