import { getCaller, requireUser } from "@/lib/auth/user";
import { checkPortal } from "@/lib/connections/portal/check";
import { fixSessionOf } from "@/lib/fix-sessions/visits/page";
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
  const portalSessionId = snapTradeId.safeParse((await params).portalSessionId);
  const caller = await getCaller();
  // A link's visitor may be signed out by now, and have no other way in; their session's page explains it.
  const left = !caller && portalSessionId.success ? await fixSessionOf(portalSessionId.data) : null;
  if (left) return seeOther(`/fix-sessions/${left}`);
  const user = caller?.user ?? (await requireUser(pathname + search));
  if (!portalSessionId.success) return seeOther(missing);
  try {
    const view = await checkPortal({
      userId: user.id,
      portalSessionId: portalSessionId.data,
      reportedResult: readPortalResult(search),
      over: true,
      within: caller?.within ?? null,
      now: new Date(),
    });
    if (view.fixSessionId)
      return seeOther(`/fix-sessions/${view.fixSessionId}?portal=${view.portalSessionId}`);
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
