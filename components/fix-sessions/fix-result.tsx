import type { Viewer } from "@/lib/base/times";
import type { PortalView } from "@/lib/connections/views";
import type { FixPageView } from "@/lib/fix-sessions/views";
import { PortalResult, type AllActions } from "../portal/portal-result";
import { nextInQueue, stepLabel } from "../portal/reconnect-queue";
import { ButtonLink, type ButtonVariant } from "../ui/button";
import { FixForm, NotNow } from "./fix-form";
import { WayBack } from "./way-back";

interface Props {
  page: FixPageView;
  view: PortalView;
  viewer: Viewer;
  now: Date;
  hasAccount: boolean;
  appName: string;
}

/** How a fix session's visit to the portal went, with the ways on that belong to this session. */
export function FixResult({ page, view, viewer, now, hasAccount, appName }: Props) {
  const { id, endedAt } = page.session;
  const { queue, connectionId, brokerage, outcome, intent } = view;
  const done = outcome.state === "fixed" || outcome.state === "connected";
  // Leaving now would give up a repair that SnapTrade may confirm in a few seconds.
  const isAwaited = outcome.state === "open" || outcome.state === "checking";
  const next = endedAt ? null : nextInQueue(queue, connectionId);
  const again: Record<string, string> =
    intent === "connect"
      ? { brokerage: brokerage.slug, beside: "yes" }
      : { connectionId: connectionId ?? "" };
  const skip = { queueId: queue?.id ?? "", skipped: connectionId ?? "" };

  const back = <WayBack page={page} hasAccount={hasAccount} appName={appName} />;
  const control = (action: AllActions, label: string, variant: ButtonVariant) => {
    const form = (fields: Record<string, string>) => (
      <FixForm fixSessionId={id} fields={fields} label={label} variant={variant} />
    );
    switch (action) {
      case "close":
        if (done && !next) return back;
        // "Not now", below, leaves for the company's product.
        if (done && page.returnTo) return null;
        return <Leave id={id} label={label} variant={variant} />;
      case "later":
        // As the main step, it is about what is connected already.
        if (variant === "filled") return hasAccount ? <SeeAll label={label} /> : null;
        return page.returnTo || endedAt ? null : <Leave id={id} label={label} variant={variant} />;
      case "next":
        return form(done ? {} : skip);
      case "again":
        return endedAt ? back : form(again);
      // These need more than a fix session: an address for mail, or the person's other pages.
      case "different-login":
        return endedAt ? back : null;
      case "keep-both":
      case "notify-when-back":
        return null;
    }
  };

  return (
    <div className="flex min-h-[calc(100dvh-14rem)] w-full flex-col wide:min-h-0 wide:rounded-card wide:border wide:border-line wide:bg-surface wide:p-11 wide:shadow-card">
      {queue && queue.entries.length > 1 && (
        <p className="digits mb-6 text-right text-small text-ink-2">{stepLabel(queue, connectionId, done)}</p>
      )}
      <h1 className="sr-only">{brokerage.name}</h1>
      {/* Mail is asked for on the person's own pages. */}
      <PortalResult
        view={{ ...view, canMail: false }}
        viewer={viewer}
        now={now}
        next={next?.name ?? null}
        control={control}
      />
      {!isAwaited && <NotNow page={page} appName={appName} />}
    </div>
  );
}

function SeeAll({ label }: { label: string }) {
  return (
    <ButtonLink href="/connections" variant="filled" className="w-full wide:w-auto">
      {label}
    </ButtonLink>
  );
}

function Leave({ id, label, variant }: { id: string; label: string; variant: ButtonVariant }) {
  return (
    <ButtonLink href={`/fix-sessions/${id}`} variant={variant} className="w-full wide:w-auto">
      {label}
    </ButtonLink>
  );
}
