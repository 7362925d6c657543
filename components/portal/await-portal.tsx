"use client";

import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { reportPortal } from "@/lib/connections/actions";
import { poll, type Pace } from "./poll";
import { summaryOf } from "./portal-target";

interface Props {
  portalSessionId: string;
  pace: Pace;
  /** What the page currently shows, in summaryOf's form. */
  shown: string;
}

/** On the page after the portal: polls the server, and refreshes the page when the result changes. */
export function AwaitPortal({ portalSessionId, pace, shown }: Props) {
  const router = useRouter();
  useEffect(() => {
    async function ask() {
      const result = await reportPortal({ portalSessionId, reportedResult: null, over: false });
      if (!result.ok || summaryOf(result.data) !== shown) router.refresh();
    }
    return poll(ask, pace);
  }, [portalSessionId, pace, shown, router]);
  return null;
}
