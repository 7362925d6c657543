import type { Metadata } from "next";
import { after } from "next/server";
import { cache } from "react";
import { announcements } from "@/components/connections/list/announcements";
import { AwaitLook } from "@/components/connections/list/await-look";
import { ConnectionGroups } from "@/components/connections/list/connection-groups";
import { EmptyConnections } from "@/components/connections/list/empty-connections";
import { headlineOf } from "@/components/connections/list/headline";
import { PageSummary } from "@/components/connections/list/page-summary";
import { SecondConnectionNote } from "@/components/connections/detail/second-connection-note";
import { UnknownConnections } from "@/components/connections/list/unknown-connections";
import { LiveUpdates } from "@/components/live-updates";
import { Notice } from "@/components/ui/notice";
import { requireUser } from "@/lib/auth/user";
import { listConnectionViews } from "@/lib/connections/pages/list";
import { lookIfDue } from "@/lib/connections/look/look";
import { env } from "@/lib/base/env";
import { errorSentence } from "@/lib/base/errors";
import { rememberTimeZone } from "@/lib/notifications/data";
import { getReader } from "../../reader";

const read = cache(async () => {
  const user = await requireUser("/connections");
  const reader = await getReader();
  return { user, ...reader, view: await listConnectionViews(user.id, reader.moment) };
});

export async function generateMetadata(): Promise<Metadata> {
  const { view, viewer, now } = await read();
  return { title: headlineOf(view, viewer, now) };
}

export default async function ConnectionsPage({ searchParams }: PageProps<"/connections">) {
  const { user, viewer, now, view } = await read();
  const error = errorSentence((await searchParams).error);
  const reading = { viewer, now, lookedAt: view.lookedAt };
  const { APP_NAME: appName } = env();
  if (view.lookDueAt) after(() => lookIfDue(user.id));
  if (viewer.zoneKnown) after(() => rememberTimeZone(user.id, viewer.timeZone));
  return (
    <LiveUpdates version={view.version} sentences={announcements(view.connections, viewer)}>
      {error && <Notice>{error}</Notice>}
      {view.connections.length === 0 && view.gone !== "not-ours" ? (
        view.known && view.unreadable === 0 ? (
          <EmptyConnections appName={appName} />
        ) : (
          <UnknownConnections view={view} headline={headlineOf(view, viewer, now)} />
        )
      ) : (
        <>
          <PageSummary view={view} appName={appName} viewer={viewer} now={now} />
          {view.connections.map(
            (connection) =>
              connection.secondConnectionId && (
                <SecondConnectionNote key={connection.id} connection={connection} />
              ),
          )}
          <ConnectionGroups
            connections={view.connections}
            reading={reading}
            unreachable={view.unreachable || view.gone !== null}
          />
        </>
      )}
      {view.lookDueAt && <AwaitLook waitMs={view.lookDueAt.getTime() - now.getTime()} />}
    </LiveUpdates>
  );
}
