import { keepBothForm, requestNotifyWhenBackForm } from "@/lib/connections/actions";
import type { PortalView } from "@/lib/connections/views";
import { isShadow } from "@/lib/base/mode";
import type { Viewer } from "@/lib/base/times";
import { ButtonLink, type ButtonVariant } from "../ui/button";
import { SubmitButton } from "../ui/submit-button";
import { RepairButton } from "./repair-button";
import { PortalResult, type AllActions } from "./portal-result";
import { targetOf, type PortalTarget } from "./portal-target";
import { nextInQueue, stepLabel } from "./reconnect-queue";

/** The result as a full page, after a portal session by redirect; its buttons are forms and links. */
export function PageResult({ view, viewer, now }: { view: PortalView; viewer: Viewer; now: Date }) {
  const { queue, connectionId, brokerage, outcome } = view;
  const done = outcome.state === "fixed" || outcome.state === "connected";
  const next = nextInQueue(queue, connectionId);
  const home = connectionId ? `/connections/${connectionId}` : "/connections";

  const control = (action: AllActions, label: string, variant: ButtonVariant) => {
    const link = (href: string) => (
      <ButtonLink href={href} variant={variant}>
        {label}
      </ButtonLink>
    );
    const form = (send: Send, fields: Record<string, string>) => (
      <Form action={send} fields={fields} label={label} variant={variant} />
    );
    const portal = (target: PortalTarget | null) =>
      target && <RepairButton target={target} accessibleName={label} label={label} variant={variant} wide />;
    if (isShadow() && action !== "later" && action !== "close" && action !== "keep-both") return null;
    switch (action) {
      case "later":
      case "close":
        return link(next ? "/connections" : home);
      case "different-login":
        return link(`/connections/new?brokerage=${brokerage.slug}`);
      case "keep-both":
        return form(keepBothForm, { connectionId: connectionId ?? "" });
      case "notify-when-back":
        return form(requestNotifyWhenBackForm, { connectionId: connectionId ?? "" });
      case "next":
        return done
          ? portal(next?.target ?? null)
          : form("/portal/open", {
              kind: "skip",
              queueId: queue?.id ?? "",
              connectionId: connectionId ?? "",
            });
      case "again":
        return portal(targetOf(view));
    }
  };

  return (
    <div className="mx-auto flex min-h-[calc(100dvh-10rem)] w-full max-w-[480px] flex-col wide:min-h-0 wide:rounded-card wide:border wide:border-line wide:bg-surface wide:p-11 wide:shadow-card">
      {queue && queue.entries.length > 1 && (
        <p className="digits mb-6 text-right text-small text-ink-2">{stepLabel(queue, connectionId, done)}</p>
      )}
      <h1 className="sr-only">{brokerage.name}</h1>
      <PortalResult view={view} viewer={viewer} now={now} next={next?.name ?? null} control={control} />
    </div>
  );
}

/** A server action, or the path the form posts to. */
type Send = ((form: FormData) => Promise<void>) | string;

function Form({
  action,
  fields,
  label,
  variant,
}: {
  action: Send;
  fields: Record<string, string>;
  label: string;
  variant: ButtonVariant;
}) {
  return (
    <form action={action} method={typeof action === "string" ? "post" : undefined}>
      {Object.entries(fields).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      <SubmitButton variant={variant} pendingLabel="One moment…" className="w-full wide:w-auto">
        {label}
      </SubmitButton>
    </form>
  );
}
