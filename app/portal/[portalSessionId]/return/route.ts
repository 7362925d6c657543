import { requireUser } from "@/lib/auth/user";
import { checkPortal } from "@/lib/connections/portal/check";
import { AppError } from "@/lib/base/errors";
import { snapTradeId } from "@/lib/snaptrade/id";
import { readPortalResult } from "@/lib/snaptrade/portal-result";

/** In seconds, for platforms that limit functions. Long enough for two looks. */
export const maxDuration = 60;

/** A route handler can only answer "not found" with an empty body; this path shows the app's own page. */
const missing = "/portal/missing";

/**
 * The return from the Connection Portal: asks SnapTrade, then shows the connection. What the URL says only
 * helps explain a failure.
 */
export async function GET(request: Request, { params }: { params: Promise<{ portalSessionId: string }> }) {
  const { pathname, search } = new URL(request.url);
  const user = await requireUser(pathname + search);
  const portalSessionId = snapTradeId.safeParse((await params).portalSessionId);
  if (!portalSessionId.success) return seeOther(missing);
  try {
    const view = await checkPortal({
      userId: user.id,
      portalSessionId: portalSessionId.data,
      reportedResult: readPortalResult(search),
      over: true,
      now: new Date(),
    });
    const place = view.connectionId ? `/connections/${view.connectionId}` : "/connections/new";
    return seeOther(`${place}?portal=${view.portalSessionId}`);
  } catch (error) {
    if (error instanceof AppError && error.code === "not-found") return seeOther(missing);
    throw error;
  }
}

function seeOther(location: string) {
  return new Response(null, { status: 303, headers: { Location: location, "Cache-Control": "no-store" } });
}
