import { AlreadyConnected } from "@/components/connections/connect/already-connected";
import { BrokeragePicker } from "@/components/connections/connect/brokerage-picker";
import { FixForm, NotNow } from "@/components/fix-sessions/fix-form";
import { ButtonLink } from "@/components/ui/button";
import type { FixPageView } from "@/lib/fix-sessions/views";
import { ensureBrokerages, listPickerBrokerages } from "../../../brokerages";
import type { Reader } from "../../../reader";

/** Choosing what to connect; what is there and needs reconnecting comes first. */
export async function ConnectChoice({
  page,
  chosen,
  reader: { viewer, now },
  appName,
}: {
  page: FixPageView;
  chosen: string | string[] | undefined;
  reader: Reader;
  appName: string;
}) {
  const { session, connections, lookedAt } = page;
  const place = `/fix-sessions/${session.id}`;
  const slug = session.brokerage ?? (typeof chosen === "string" ? chosen : undefined);
  const broken = connections.find((view) => view.canReconnect && view.brokerage.slug === slug);
  if (broken)
    return (
      <>
        <AlreadyConnected connection={broken} reading={{ viewer, now, lookedAt }}>
          <FixForm
            fixSessionId={session.id}
            fields={{ connectionId: broken.id }}
            label={`Reconnect ${broken.brokerage.name} instead`}
            variant="filled"
          />
          <FixForm
            fixSessionId={session.id}
            fields={{ brokerage: broken.brokerage.slug, beside: "yes" }}
            label="It’s a different login"
            variant="quiet"
          />
        </AlreadyConnected>
        <NotNow page={page} appName={appName} />
      </>
    );
  const reachable = await ensureBrokerages(now);
  const brokerages = await listPickerBrokerages(connections);
  const choice = brokerages.find((one) => one.slug === slug);
  if (!choice)
    return (
      <>
        <h1 className="text-title">Connect a brokerage</h1>
        {!reachable && brokerages.length === 0 ? (
          <p className="mt-3 text-ink-2">
            We can’t reach SnapTrade right now, so we can’t list the brokerages yet. Nothing is wrong on your
            side. Reload this page in a minute.
          </p>
        ) : (
          <BrokeragePicker brokerages={brokerages} page={place} opensHere={false} />
        )}
        <NotNow page={page} appName={appName} />
      </>
    );
  return (
    <>
      <h1 className="text-title">Connect {choice.name}</h1>
      <p className="mt-3 text-ink-2">
        You’ll sign in on SnapTrade’s or {choice.name}’s page, never in {appName}. If that login is already
        connected, it keeps its connection.
      </p>
      <div className="mt-5 flex flex-wrap items-center gap-x-5 gap-y-2">
        <FixForm
          fixSessionId={session.id}
          fields={{ brokerage: choice.slug }}
          label={`Connect ${choice.name}`}
          variant="filled"
        />
        {!session.brokerage && (
          <ButtonLink href={place} variant="quiet" className="w-full wide:w-auto">
            Choose another brokerage
          </ButtonLink>
        )}
      </div>
      <NotNow page={page} appName={appName} />
    </>
  );
}
