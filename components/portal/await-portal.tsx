"use client";

import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { reportPortal } from "@/lib/connections/actions";
import { poll } from "./poll";

/** On the page after the portal: asks until the server has an answer, then shows it. */
export function AwaitPortal({ portalSessionId }: { portalSessionId: string }) {
  const router = useRouter();
  useEffect(() => poll(() => reportPortal({ portalSessionId, claim: null }).then(() => router.refresh()), true), [portalSessionId, router]);
  return null;
}
