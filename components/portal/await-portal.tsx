"use client";

import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { reportPortal } from "@/lib/connections/actions";

const pauseMs = 3_000;

/** On the page after the portal: asks until the server has an answer, then shows it. */
export function AwaitPortal({ portalSessionId }: { portalSessionId: string }) {
  const router = useRouter();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const ask = () => {
      timer = setTimeout(() => {
        void reportPortal({ portalSessionId, claim: null })
          .then(() => router.refresh())
          .finally(ask);
      }, pauseMs);
    };
    ask();
    return () => clearTimeout(timer);
  }, [portalSessionId, router]);
  return null;
}
