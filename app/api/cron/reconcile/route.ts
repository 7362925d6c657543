import { createHash, timingSafeEqual } from "node:crypto";
import { after } from "next/server";
import { env } from "@/lib/base/env";
import { flushTelemetry } from "@/lib/base/telemetry";
import { reconcile } from "@/lib/reconcile/round";

/**
 * In seconds, for platforms that limit functions. Long enough for a round whose steps all reach their limits.
 */
export const maxDuration = 300;

/** Runs a round of reconcile for a scheduler that has the secret, and answers with its counts. */
async function round(request: Request) {
  if (!isScheduler(request.headers.get("Authorization")))
    return new Response("Bearer token missing or wrong\n", { status: 401 });
  after(flushTelemetry);
  return Response.json((await reconcile()) ?? { skipped: "another process is running the round" }, {
    headers: { "Cache-Control": "no-store" },
  });
}

/** Hashes both sides first, so that the comparison reveals nothing, not even the length. */
function isScheduler(authorization: string | null): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(authorization ?? ""), hash(`Bearer ${env().CRON_SECRET}`));
}

export { round as GET, round as POST };
