import type { Metadata } from "next";
import { AlreadyConnected } from "@/components/connections/connect/already-connected";
import { BrokeragePicker } from "@/components/connections/connect/brokerage-picker";
import { RepairButton } from "@/components/portal/repair-button";
import { ButtonLink } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { requireUser } from "@/lib/auth/user";
import { listConnectionViews } from "@/lib/connections/pages/list";
import { errorSentence } from "@/lib/base/errors";
import { isShadow } from "@/lib/base/mode";
import { ensureBrokerages, listPickerBrokerages } from "../../../brokerages";
import { getReader } from "../../../reader";
import { AfterPortal, findPortalSession } from "../../../after-portal";

export const metadata: Metadata = { title: "Connect a brokerage" };

export default async function NewConnectionPage({ searchParams }: PageProps<"/connections/new">) {
  const user = await requireUser("/connections/new");
  const { viewer, now, moment } = await getReader();
  const { portal, brokerage, error } = await searchParams;
  const portalView = await findPortalSession(user.id, portal, now);
  if (portalView?.intent === "connect")
    return <AfterPortal userId={user.id} view={portalView} viewer={viewer} now={now} />;

  if (isShadow()) return <RepairsOff />;
  const { connections, lookedAt } = await listConnectionViews(user.id, moment);
  const broken = connections.find(
    ({ canReconnect, brokerage: { slug } }) => canReconnect && slug === brokerage,
  );
  const reachable = await ensureBrokerages(now);
  const choices = await listPickerBrokerages(connections);
  const sentence = errorSentence(error);
  const chosen = choices.find(({ slug }) => slug === brokerage);
  return (
    <div className="mx-auto w-full max-w-[560px]">
      {sentence && <Notice>{sentence}</Notice>}
      {broken ? (
        <AlreadyConnected connection={broken} reading={{ viewer, now, lookedAt }} />
      ) : (
        <>
          <h1 className="text-title">{chosen ? `Connect ${chosen.name}` : "Connect a brokerage"}</h1>
          {!reachable && choices.length === 0 && <Unreachable />}
          {chosen ? (
            <Chosen slug={chosen.slug} name={chosen.name} />
          ) : (
            choices.length > 0 && <BrokeragePicker brokerages={choices} />
          )}
        </>
      )}
    </div>
  );
}

function RepairsOff() {
  return (
    <div className="mx-auto w-full max-w-[560px]">
      <h1 className="text-title">Connect a brokerage</h1>
      <p className="mt-3 text-ink-2">Connecting isn’t possible in shadow mode.</p>
      <ButtonLink href="/connections" className="mt-5">
        Go to your connections
      </ButtonLink>
    </div>
  );
}

function Unreachable() {
  return (
    <>
      <p className="mt-3 text-ink-2">
        We can’t reach SnapTrade right now, so we can’t list the brokerages yet. Nothing is wrong on your
        side.
      </p>
      <ButtonLink href="/connections/new" className="mt-5">
        Try now
      </ButtonLink>
    </>
  );
}

function Chosen({ slug, name }: { slug: string; name: string }) {
  return (
    <>
      <p className="mt-3 text-ink-2">
        You’ll sign in on SnapTrade’s or {name}’s page. If that login is already connected, it keeps its
        connection.
      </p>
      <div className="mt-5 flex flex-wrap items-center gap-x-5 gap-y-2">
        <RepairButton
          target={{ kind: "connect", brokerage: slug }}
          accessibleName={`Connect ${name}`}
          label={`Connect ${name}`}
          variant="filled"
        />
        <ButtonLink href="/connections/new" variant="quiet">
          Choose another brokerage
        </ButtonLink>
      </div>
    </>
  );
}
