import { after } from "next/server";
import type { ReactNode } from "react";
import { LiveUpdates } from "@/components/live-updates";
import { AwaitPortal } from "@/components/portal/await-portal";
import { PageResult } from "@/components/portal/page-result";
import { summaryOf } from "@/components/portal/portal-target";
import { checkPortal } from "@/lib/connections/portal/check";
import { getPortalView } from "@/lib/connections/portal/view";
import type { PortalView } from "@/lib/connections/views";
import { snapTradeId } from "@/lib/snaptrade/id";
import type { Viewer } from "@/lib/base/times";

/** The portal session named in the URL, if it belongs to this person. */
export async function findPortalSession(
  userId: string,
  portal: string | string[] | undefined,
  now: Date,
): Promise<PortalView | null> {
  const id = snapTradeId.safeParse(portal);
  return id.success ? getPortalView(userId, id.data, now) : null;
}

/**
 * The result of a portal session that opened as a full page. It keeps checking with SnapTrade: often while an
 * answer is expected, and occasionally after a failure, since the repair may still happen elsewhere.
 */
export function AfterPortal({
  userId,
  view,
  viewer,
  now,
  children,
}: {
  userId: string;
  view: PortalView;
  viewer: Viewer;
  now: Date;
  /** The result, if this page has its own. */
  children?: ReactNode;
}) {
  const { portalSessionId, outcome, version } = view;
  const asking = outcome.state === "open" || outcome.state === "checking" || outcome.state === "unconfirmed";
  if (asking)
    after(() => checkPortal({ userId, portalSessionId, reportedResult: null, over: false, now: new Date() }));
  const done =
    outcome.state === "connected" || outcome.state === "stopped-again" || view.accountsBack !== null;
  return (
    <LiveUpdates version={version} sentences={{}}>
      {asking && (
        <noscript>
          <meta httpEquiv="refresh" content="4" />
        </noscript>
      )}
      {!done && (
        <AwaitPortal
          portalSessionId={portalSessionId}
          pace={outcome.state === "failed" ? "rest" : "answer"}
          shown={summaryOf(view)}
        />
      )}
      {children ?? <PageResult view={view} viewer={viewer} now={now} />}
    </LiveUpdates>
  );
}
