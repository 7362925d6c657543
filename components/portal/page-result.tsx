import { keepBoth, skipInQueue, tellWhenBackInPage } from "@/lib/connections/actions";
import type { PortalView } from "@/lib/connections/views";
import type { Viewer } from "@/lib/times";
import { ButtonLink, type ButtonLook } from "../ui/button";
import { SubmitButton } from "../ui/submit-button";
import { PortalLauncher } from "./portal-launcher";
import { PortalResult, type AllActions } from "./portal-result";
import { nextInQueue, stepWords } from "./reconnect-queue";

/** The result as a page of its own, after a trip by redirect; its buttons are forms and links. */
export function PageResult({ view, viewer, now }: { view: PortalView; viewer: Viewer; now: Date }) {
  const { queue, connectionId, brokerage, intent, outcome } = view;
  const done = outcome.state === "fixed" || outcome.state === "connected";
  const next = nextInQueue(queue, connectionId);
  const home = connectionId ? `/connections/${connectionId}` : "/connections";

  const action = (does: AllActions, words: string, look: ButtonLook) => {
    if (does === "later" || does === "close")
      return (
        <ButtonLink href={next ? "/connections" : home} look={look}>
          {words}
        </ButtonLink>
      );
    if (does === "different-login")
      return (
        <ButtonLink href={`/connections/new?brokerage=${brokerage?.slug ?? ""}`} look={look}>
          {words}
        </ButtonLink>
      );
    if (does === "keep-both" && connectionId) return <Form action={keepBoth} fields={{ connectionId }} words={words} look={look} />;
    if (does === "tell-when-back")
      return connectionId && !view.wish ? <Form action={tellWhenBackInPage} fields={{ connectionId }} words={words} look={look} /> : null;
    if (does === "next" && next && queue) {
      if (done)
        return (
          <PortalLauncher
            target={{ kind: "reconnect", connectionId: next.connectionId, queueId: queue.id }}
            label={words}
            words={words}
            look={look}
            wide
          />
        );
      return <Form action={skipInQueue} fields={{ queueId: queue.id, connectionId: connectionId ?? "" }} words={words} look={look} />;
    }
    if (intent === "connect")
      return (
        <PortalLauncher target={{ kind: "connect", brokerage: brokerage?.slug ?? "", beside: true }} label={words} words={words} look={look} wide />
      );
    return connectionId ? (
      <PortalLauncher
        target={{ kind: "reconnect", connectionId, queueId: queue?.id, wish: view.wish ?? undefined }}
        label={words}
        words={words}
        look={look}
        wide
      />
    ) : null;
  };

  return (
    <div className="mx-auto flex min-h-[calc(100dvh-10rem)] w-full max-w-[480px] flex-col wide:min-h-0 wide:rounded-card wide:border wide:border-line wide:bg-surface wide:p-11 wide:shadow-card">
      {queue && queue.entries.length > 1 && <p className="digits mb-6 text-right text-small text-ink-2">{stepWords(queue, connectionId, done)}</p>}
      <h1 className="sr-only">{brokerage?.name}</h1>
      <PortalResult view={view} viewer={viewer} now={now} next={next?.brokerage.name ?? null} action={action} />
    </div>
  );
}

function Form({
  action,
  fields,
  words,
  look,
}: {
  action: (form: FormData) => Promise<void>;
  fields: Record<string, string>;
  words: string;
  look: ButtonLook;
}) {
  return (
    <form action={action}>
      {Object.entries(fields).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      <SubmitButton look={look} pendingWords="One moment …" className="w-full wide:w-auto">
        {words}
      </SubmitButton>
    </form>
  );
}
