import type { Metadata } from "next";
import { after } from "next/server";
import { AlreadyConnected } from "@/components/connections/connect/already-connected";
import { BrokeragePicker, type PickerBrokerage } from "@/components/connections/connect/brokerage-picker";
import { PortalLauncher } from "@/components/portal/portal-launcher";
import { ButtonLink } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { requireUser } from "@/lib/auth/user";
import { isBrokerageListDue, listBrokerageChoices, readBrokerages } from "@/lib/connections/look/brokerages";
import { listConnectionViews } from "@/lib/connections/pages/list";
import type { ConnectionView } from "@/lib/connections/views";
import { errorSentence } from "@/lib/base/errors";
import { getReader } from "../../../reader";
import { AfterPortal, findPortalSession } from "../after-portal";

export const metadata: Metadata = { title: "Connect a brokerage" };

export default async function NewConnectionPage({ searchParams }: PageProps<"/connections/new">) {
  const user = await requireUser("/connections/new");
  const { viewer, now, moment } = await getReader();
  const { portal, brokerage, error } = await searchParams;
  const trip = await findPortalSession(user.id, portal, now);
  if (trip?.intent === "connect")
    return <AfterPortal userId={user.id} view={trip} viewer={viewer} now={now} />;

  const { connections, lookedAt } = await listConnectionViews(user.id, moment);
  const broken = connections.find(
    ({ canReconnect, brokerage: { slug } }) => canReconnect && slug === brokerage,
  );
  const reached = await bringBrokerages(now);
  const choices = await listBrokerageChoices();
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
          {!reached && choices.length === 0 && <Unreached />}
          {chosen ? (
            <Chosen slug={chosen.slug} name={chosen.name} />
          ) : (
            choices.length > 0 && (
              <BrokeragePicker brokerages={choices.map((choice) => toPicker(choice, connections))} />
            )
          )}
        </>
      )}
    </div>
  );
}

/**
 * The list is waited for only when there is none yet; one that is merely old is renewed after this page was
 * answered.
 */
async function bringBrokerages(now: Date): Promise<boolean> {
  const due = await isBrokerageListDue(now);
  const read = () =>
    readBrokerages(now).then(
      () => true,
      () => false,
    );
  if (due === "missing") return read();
  if (due === "due") after(read);
  return true;
}

function toPicker(
  { maintenance, ...choice }: Awaited<ReturnType<typeof listBrokerageChoices>>[number],
  connections: ConnectionView[],
): PickerBrokerage {
  const there = connections.filter(
    ({ brokerage, status }) => brokerage.id === choice.id && status !== "removed",
  );
  if (there.some(({ canReconnect }) => canReconnect)) return { ...choice, state: "needs-reconnecting" };
  if (maintenance) return { ...choice, state: "maintenance" };
  return { ...choice, state: there.length > 0 ? "connected" : "open" };
}

function Unreached() {
  return (
    <>
      <p className="mt-3 text-ink-2">
        We can’t reach SnapTrade right now, so the list of brokerages isn’t here yet. Nothing is wrong on your
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
        You sign in on SnapTrade’s or {name}’s page. A login that is connected already keeps its connection.
      </p>
      <div className="mt-5 flex flex-wrap items-center gap-x-5 gap-y-2">
        <PortalLauncher
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
