import { createHash, timingSafeEqual } from "node:crypto";
import { env } from "@/lib/base/env";
import { reconcile } from "@/lib/reconcile/round";

/** The timer's round, for a scheduler that knows the secret; answers with what was done. */
async function round(request: Request) {
  if (!isScheduler(request.headers.get("Authorization")))
    return new Response("Bearer token missing or wrong\n", { status: 401 });
  return Response.json((await reconcile()) ?? { skipped: "another process has the round" }, {
    headers: { "Cache-Control": "no-store" },
  });
}

/** Hashed first, so that the comparison tells nothing, not even the length. */
function isScheduler(authorization: string | null): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(authorization ?? ""), hash(`Bearer ${env().CRON_SECRET}`));
}

export { round as GET, round as POST };
