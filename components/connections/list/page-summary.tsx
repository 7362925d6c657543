import { isShadow } from "@/lib/base/mode";
import { checkNow } from "@/lib/connections/actions";
import type { ConnectionView, ConnectionsView } from "@/lib/connections/views";
import { ago, count, type Viewer } from "@/lib/base/times";
import { RepairButton } from "@/components/portal/repair-button";
import { ButtonLink } from "@/components/ui/button";
import { Icon } from "@/components/ui/icon";
import { LinkStrip } from "@/components/ui/link-strip";
import { SubmitButton } from "@/components/ui/submit-button";
import { Time } from "@/components/ui/time";
import { headlineOf, isRepairable, leadOf } from "./headline";
import { statusDisplay } from "@/components/connections/status-display";

interface Props {
  view: ConnectionsView;
  appName: string;
  viewer: Viewer;
  now: Date;
}

export function PageSummary({ view, appName, viewer, now }: Props) {
  const { connections, lookedAt, unreachable } = view;
  const repairable = connections.filter(isRepairable);
  return (
    <header>
      <h1 className="text-[1.75rem] leading-[2.125rem] font-[560] tracking-[-0.024em] wide:text-display">
        {headlineOf(view, viewer, now)}
      </h1>
      <p className="mt-2.5 max-w-[62ch] text-lead text-ink-2">{leadOf(view, appName)}</p>
      <div className="mt-6 flex flex-wrap items-center gap-x-5 gap-y-2">
        {unreachable ? (
          <CheckButton variant="secondary" label="Try now" />
        ) : (
          view.gone !== "not-ours" && <Primary repairable={repairable} />
        )}
        {unreachable || view.gone === "not-ours" ? null : (
          <ConnectLink primary={view.gone !== null} plain={repairable.length > 0} />
        )}
        {!unreachable && view.gone !== "deleted" && (
          <div className="flex w-full items-center gap-2 text-small text-ink-3 wide:ml-auto wide:w-auto">
            {lookedAt && (
              <span>
                Checked{" "}
                <Time at={lookedAt} viewer={viewer}>
                  {ago(viewer, lookedAt, now)}
                </Time>
              </span>
            )}
            <CheckButton variant="quiet" label="Check now" />
          </div>
        )}
      </div>
      {connections.length >= 3 && connections.length <= 12 && !unreachable && (
        <div className="mt-7 wide:mt-10">
          <LinkStrip links={connections.map(toStripLink)} label={stripLabel(connections)} />
        </div>
      )}
    </header>
  );
}

function Primary({ repairable }: { repairable: ConnectionView[] }) {
  const [only] = repairable;
  if (!only) return null;
  if (repairable.length === 1) {
    return (
      <RepairButton
        target={{ kind: "reconnect", connectionId: only.id }}
        accessibleName={`Reconnect ${only.brokerage.name}`}
        label={`Reconnect ${only.brokerage.name}`}
        variant="filled"
        wide
      />
    );
  }
  const label = repairable.length === 2 ? "Reconnect both" : `Reconnect all ${repairable.length}`;
  return (
    <RepairButton target={{ kind: "queue" }} accessibleName={label} label={label} variant="filled" wide />
  );
}

/** The way to a new connection. Draws nothing where repairs are off. */
export function ConnectLink({ primary, plain }: { primary: boolean; plain: boolean }) {
  if (isShadow()) return null;
  return (
    <ButtonLink href="/connections/new" variant={primary ? "filled" : plain ? "quiet" : "secondary"}>
      {!primary && <Icon name="plus" />}
      Connect a brokerage
    </ButtonLink>
  );
}

function CheckButton({ variant, label }: { variant: "secondary" | "quiet"; label: string }) {
  return (
    <form action={checkNow}>
      <SubmitButton
        variant={variant}
        pendingLabel="Checking…"
        className={variant === "quiet" ? "text-small !text-accent" : ""}
      >
        {label}
      </SubmitButton>
    </form>
  );
}

function toStripLink({ id, brokerage, status }: ConnectionView) {
  const { glyph, mark } = statusDisplay[status];
  return { id, name: brokerage.name, glyph, tone: mark, quietName: status !== "disabled" };
}

function stripLabel(connections: ConnectionView[]): string {
  const of = (group: ConnectionView["group"]) =>
    connections.filter((connection) => connection.group === group).length;
  return `${count(connections.length, "connection")}: ${of("connected")} connected, ${of("needs-you")} needing you, ${of("nothing-to-do")} with nothing for you to do`;
}
