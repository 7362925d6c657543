import { after } from "next/server";
import { AwaitPortal } from "@/components/portal/await-portal";
import { PageResult } from "@/components/portal/page-result";
import { checkPortal } from "@/lib/connections/portal";
import { getPortalView } from "@/lib/connections/portal-data";
import type { PortalView } from "@/lib/connections/views";
import { snapTradeId } from "@/lib/snaptrade/id";
import type { Viewer } from "@/lib/times";

/** The trip that a return from the portal named, if it is this person's. */
export async function findTrip(userId: string, portal: string | string[] | undefined, now: Date): Promise<PortalView | null> {
  const id = snapTradeId.safeParse(portal);
  return id.success ? getPortalView(userId, id.data, now) : null;
}

/** What came of a trip that went through a page of its own. While it is not known, SnapTrade is asked again after each answer. */
export function AfterPortal({ userId, view, viewer, now }: { userId: string; view: PortalView; viewer: Viewer; now: Date }) {
  const asking = view.outcome.state === "open" || view.outcome.state === "checking" || view.outcome.state === "unconfirmed";
  if (asking) after(() => checkPortal({ userId, portalSessionId: view.portalSessionId, claim: null, now: new Date() }));
  return (
    <>
      {asking && (
        <>
          <noscript>
            <meta httpEquiv="refresh" content="4" />
          </noscript>
          <AwaitPortal portalSessionId={view.portalSessionId} />
        </>
      )}
      <PageResult view={view} viewer={viewer} now={now} />
    </>
  );
}
