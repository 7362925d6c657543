import type { ReactNode } from "react";
import type { AccountView, PortalView } from "@/lib/connections/views";
import { clockSeconds, count, dayAt, duration, type Viewer } from "@/lib/base/times";
import { AccountList } from "@/components/connections/detail/account-list";
import { listNames } from "@/components/connections/list/headline";
import type { ButtonVariant } from "../ui/button";
import { Icon } from "../ui/icon";
import { LinkFigure, type FigureState } from "../ui/link-figure";
import { Receipt } from "../ui/receipt";
import { Tile } from "../ui/tile";
import { Time } from "../ui/time";
import { failureText, purposeOf, type ResultAction } from "./portal-labels";

export type AllActions = ResultAction | "next" | "close";

interface Props {
  view: PortalView;
  viewer: Viewer;
  now: Date;
  /** The next connection in the queue, by name. */
  next: string | null;
  /** Renders one button: the dialog's act in place, a page's are forms and links. */
  control: (action: AllActions, label: string, variant: ButtonVariant) => ReactNode;
}

/** What the server concluded about a portal session; everything stated here was read from SnapTrade. */
export function PortalResult({ view, viewer, now, next, control }: Props) {
  const { outcome, intent } = view;
  const b = view.brokerage.name;
  switch (outcome.state) {
    case "open":
    case "checking":
      return (
        <Panel
          view={view}
          figure="checking"
          title="Checking with SnapTrade"
          sentence={checkingSentence(view, b)}
        >
          <ul className="mt-5 space-y-2">
            {outcome.state === "checking" && outcome.signedIn && view.reportedAt && (
              <li className="flex items-center gap-3">
                <Icon name="check" className="text-good-mark" />
                <span className="flex-1 text-ink-2">Signed in at {b}</span>
                <Time at={view.reportedAt} viewer={viewer} className="text-small text-ink-3">
                  {clockSeconds(viewer, view.reportedAt)}
                </Time>
              </li>
            )}
            <li className="flex items-center gap-3 font-semibold">
              <span
                aria-hidden="true"
                className="m-1 size-2 rounded-full bg-accent ring-4 ring-accent-soft"
              />
              Waiting for SnapTrade to confirm
            </li>
          </ul>
          <Actions>
            {control("close", "Close", "secondary")}
            <span className="text-center text-small text-ink-3">We’ll keep checking if you close this</span>
          </Actions>
        </Panel>
      );
    case "unconfirmed":
      return (
        <Panel
          view={view}
          figure="gap"
          title="Not confirmed yet"
          sentence={
            intent !== "connect"
              ? `You signed in, but SnapTrade still shows ${b} as stopped. We’ll keep checking, and this page will update.`
              : `You signed in, but SnapTrade doesn’t show the new connection yet. We’ll keep checking.`
          }
        >
          <Actions>
            {control("close", "Close", "secondary")}
            {control("again", "Sign in again", "quiet")}
          </Actions>
        </Panel>
      );
    case "fixed":
    case "connected":
      return (
        <Panel
          view={view}
          figure="fixed"
          title={
            purposeOf(view) === "sign-in"
              ? `You’re signed in to ${b} again`
              : outcome.state === "fixed"
                ? `${b} is connected again`
                : `${b} is connected`
          }
          sentence={null}
        >
          <div className="mt-4">
            <Receipt rows={receiptOf(view, outcome.confirmedAt, viewer, now)} />
          </div>
          {view.accountsBack && <MissingAccounts accounts={view.accountsBack.missing} b={b} />}
          <Actions>
            {next ? control("next", `Next: ${next}`, "filled") : control("close", "Done", "filled")}
            {next && control("close", "Done for now", "quiet")}
          </Actions>
        </Panel>
      );
    case "stopped-again":
      return (
        <Panel
          view={view}
          figure="gap"
          title={`${b} stopped again`}
          sentence={`It worked for a short time, then stopped ${dayAt(viewer, outcome.brokeAt, now)}. Sign in again; you’ll keep the same accounts and history.`}
        >
          <Actions>
            {control("again", "Reconnect again", "filled")}
            {control("later", "Later", "quiet")}
          </Actions>
        </Panel>
      );
    case "failed": {
      const text = failureText(outcome.failure, b, purposeOf(view), view.canMail);
      return (
        <Panel view={view} figure={text.figure} title={text.title} sentence={text.sentence}>
          {outcome.failure === "different-login" && view.accounts.length > 0 && (
            <div className="mt-5 border-y border-line">
              <AccountList accounts={view.accounts} strong />
            </div>
          )}
          <Actions>
            {control(text.primary[0], text.primary[1], "filled")}
            {text.secondary && control(text.secondary[0], text.secondary[1], "quiet")}
            {next && control("next", `Next: ${next}`, "quiet")}
          </Actions>
          <p className="mt-4 text-center text-small text-ink-3 wide:text-left">
            {outcome.failure === "our-side"
              ? `Reference ${view.portalSessionId}`
              : outcome.code && `SnapTrade code ${outcome.code}`}
          </p>
        </Panel>
      );
    }
  }
}

function Panel({
  view,
  figure,
  title,
  sentence,
  children,
}: {
  view: PortalView;
  figure: FigureState;
  title: string;
  sentence: string | null;
  children: ReactNode;
}) {
  return (
    <section aria-labelledby="portal-result" className="flex min-h-0 flex-1 flex-col wide:flex-none">
      <LinkFigure state={figure} tile={<Tile brokerage={view.brokerage} size={44} />} />
      <h2 id="portal-result" tabIndex={-1} className="mt-9 text-title">
        {title}
      </h2>
      {sentence && <p className="mt-1.5 max-w-[62ch] text-ink-2">{sentence}</p>}
      {children}
    </section>
  );
}

function Actions({ children }: { children: ReactNode }) {
  return (
    <div className="mt-auto flex flex-col items-stretch gap-x-5 gap-y-2 pt-7 wide:mt-0 wide:flex-row wide:flex-wrap wide:items-center">
      {children}
    </div>
  );
}

function checkingSentence({ outcome, intent }: PortalView, b: string): string {
  if (outcome.state === "checking" && outcome.signedIn) {
    return intent !== "connect"
      ? `You finished signing in. We’re asking SnapTrade whether ${b} works again. This usually takes a few seconds.`
      : `You finished signing in. We’re asking SnapTrade for the new connection. This usually takes a few seconds.`;
  }
  return `We’re asking SnapTrade whether ${b} is working.`;
}

/** Accounts from before the break that SnapTrade no longer lists, and what to do about them. */
function MissingAccounts({ accounts, b }: { accounts: AccountView[]; b: string }) {
  if (accounts.length === 0) return null;
  const names = accounts.map(({ name, lastDigits }) => (lastDigits ? `${name} •• ${lastDigits}` : name));
  const one = accounts.length === 1;
  return (
    <p className="mt-4 max-w-[62ch] text-ink-2">
      <strong className="font-semibold text-ink">
        {listNames(names)} {one ? "is" : "are"} missing.
      </strong>{" "}
      If you closed {one ? "it" : "them"}, there’s nothing to do. Otherwise, sign in again and allow access to
      every account at {b}.
    </p>
  );
}

function receiptOf(view: PortalView, confirmedAt: Date, viewer: Viewer, now: Date) {
  const { intent, access, accounts, accountsBack, brokeAt } = view;
  const confirmed = (
    <Time at={confirmedAt} viewer={viewer}>
      {dayAt(viewer, confirmedAt, now, clockSeconds)}
    </Time>
  );
  // Signing in again at a working connection leaves no repair for SnapTrade to confirm.
  const rows: { label: string; value: ReactNode }[] = [
    {
      label: purposeOf(view) === "sign-in" ? "SnapTrade says it works" : "SnapTrade confirmed",
      value: confirmed,
    },
  ];
  if (intent === "allow-trading")
    rows.push({ label: "Access", value: access === "trade" ? "Read and trade" : "Still read only" });
  if (accountsBack && accountsBack.expected > 0) {
    rows.push({
      label: "Accounts",
      value: `${accountsBack.expected - accountsBack.missing.length} of ${accountsBack.expected} back`,
    });
  }
  if (intent === "connect" && accounts.length > 0)
    rows.push({ label: "Accounts", value: count(accounts.length, "account") });
  if (intent !== "connect" && brokeAt && brokeAt < confirmedAt)
    rows.push({ label: "Stopped for", value: duration(confirmedAt.getTime() - brokeAt.getTime()) });
  rows.push({ label: "New data", value: "arrives with SnapTrade’s next update" });
  return rows;
}
