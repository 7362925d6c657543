import type { Metadata } from "next";
import Link from "next/link";
import { notFound } from "next/navigation";
import { after } from "next/server";
import { cache } from "react";
import { announcements } from "@/components/connections/list/announcements";
import { AwaitLook } from "@/components/connections/list/await-look";
import { ConnectionStatusCard } from "@/components/connections/detail/connection-status-card";
import { ConnectionTimeline } from "@/components/connections/detail/connection-timeline";
import { DetailAside } from "@/components/connections/detail/detail-aside";
import { SecondConnectionNote } from "@/components/connections/detail/second-connection-note";
import { LiveUpdates } from "@/components/live-updates";
import { notifiedSentence } from "@/components/portal/portal-labels";
import { Icon } from "@/components/ui/icon";
import { Notice } from "@/components/ui/notice";
import { Tile } from "@/components/ui/tile";
import { requireUser } from "@/lib/auth/user";
import { getConnectionDetail } from "@/lib/connections/pages/detail";
import { lookIfDue } from "@/lib/connections/look/look";
import { env } from "@/lib/base/env";
import { errorSentence } from "@/lib/base/errors";
import { snapTradeId } from "@/lib/snaptrade/id";
import { count, dateName } from "@/lib/base/times";
import { getReader } from "../../../reader";
import { AfterPortal, findPortalSession } from "../../../after-portal";

const keptSentence =
  "You’re keeping this connection. If SnapTrade had already started removing it, it may still disappear; if so, you’ll see that here.";

const read = cache(async (connectionId: string) => {
  const user = await requireUser(`/connections/${connectionId}`);
  const reader = await getReader();
  const id = snapTradeId.safeParse(connectionId);
  const detail = id.success ? await getConnectionDetail(user.id, id.data, reader.moment) : null;
  return { user, ...reader, detail: detail ?? notFound() };
});

export async function generateMetadata({
  params,
}: PageProps<"/connections/[connectionId]">): Promise<Metadata> {
  const { detail } = await read((await params).connectionId);
  return { title: detail.connection.brokerage.name };
}

export default async function ConnectionPage({
  params,
  searchParams,
}: PageProps<"/connections/[connectionId]">) {
  const { user, viewer, now, detail } = await read((await params).connectionId);
  const { portal, error, asked, kept } = await searchParams;
  const { connection, lookedAt, timeline, unreachable } = detail;
  const portalView = await findPortalSession(user.id, portal, now);
  if (portalView?.connectionId === connection.id)
    return <AfterPortal userId={user.id} view={portalView} viewer={viewer} now={now} />;

  if (detail.lookDueAt) after(() => lookIfDue(user.id));
  const reading = { viewer, now, lookedAt };
  const { APP_NAME: appName } = env();
  const sentence =
    errorSentence(error) ??
    (asked ? notifiedSentence(connection.brokerage.name) : kept ? keptSentence : null);
  return (
    <LiveUpdates version={detail.version} sentences={announcements([connection], viewer)}>
      {sentence && <Notice>{sentence}</Notice>}
      <Link
        href="/connections"
        prefetch={false}
        className="-mt-2 inline-flex min-h-11 items-center gap-1.5 text-ink-2 hover:text-ink wide:-mt-7"
      >
        <Icon name="chevron-left" />
        Connections
      </Link>
      <header className="mt-2 flex items-center gap-4">
        <Tile brokerage={connection.brokerage} size={56} />
        <div>
          <h1 className="text-title">{connection.brokerage.name}</h1>
          <p className="text-ink-2">
            {connection.access === "trade" ? "Read and trade" : "Read only"}
            {connection.accounts.length > 0 && ` · ${count(connection.accounts.length, "account")}`}
            {connection.connectedSince && (
              <span className="max-phone:hidden">{` · Connected since ${dateName(viewer, connection.connectedSince)}`}</span>
            )}
          </p>
        </div>
      </header>
      <div className="mt-6">
        <ConnectionStatusCard connection={connection} reading={reading} unreachable={unreachable} />
      </div>
      {connection.secondConnectionId && <SecondConnectionNote connection={connection} />}
      <div className="mt-10 grid grid-cols-[minmax(0,1fr)] gap-x-16 gap-y-10 wide:grid-cols-[minmax(0,1fr)_300px]">
        {timeline.length > 0 && (
          <section aria-labelledby="what-happened">
            <h2 id="what-happened" className="mb-4 text-head">
              What happened
            </h2>
            <ConnectionTimeline detail={detail} reading={reading} email={user.email} />
          </section>
        )}
        <DetailAside detail={detail} reading={reading} appName={appName} />
      </div>
      {detail.lookDueAt && <AwaitLook waitMs={detail.lookDueAt.getTime() - now.getTime()} />}
    </LiveUpdates>
  );
}
