import type { ConnectionView } from "@/lib/connections/views";
import type { FixPageView } from "@/lib/fix-sessions/views";
import { count } from "@/lib/base/times";
import { AccountList } from "../connections/detail/account-list";
import { listNames } from "../connections/list/headline";
import { LinkGlyph } from "../ui/link-glyph";
import { Tile } from "../ui/tile";
import { listDone } from "./done";
import { FixForm, NotNow } from "./fix-form";
import { WayBack } from "./way-back";

interface Props {
  page: FixPageView;
  hasAccount: boolean;
  appName: string;
}

/** What a fix session repairs next, and what comes after it. */
export function FixOffer({ page, hasAccount, appName }: Props) {
  const [next, ...later] = page.steps;
  if (!next) return <NothingNow page={page} hasAccount={hasAccount} appName={appName} />;
  const { brokerage, accounts } = next;
  return (
    <>
      <section
        aria-labelledby="fix"
        className="rounded-card border border-line bg-surface p-5 shadow-card wide:p-8"
      >
        <Progress page={page} />
        <div className="flex items-center gap-4">
          <Tile brokerage={brokerage} size={56} />
          <h1 id="fix" className="text-title">
            Reconnect {brokerage.name}
          </h1>
        </div>
        <p className="mt-4 text-ink-2">
          Sign in again, and this connection picks up where it left off, with the same accounts and history.
          You enter your password on SnapTrade’s or {brokerage.name}’s page, never in {appName}.
        </p>
        {next.status === "disabled-maintenance" && (
          <p className="mt-3 text-ink-2">
            {brokerage.name} is under maintenance, so signing in may not work yet.
          </p>
        )}
        {accounts.length > 0 && (
          <div className="mt-5">
            <h2 className="text-label">Use the login for these accounts</h2>
            <AccountList accounts={accounts} />
            <p className="mt-2 text-small text-ink-3">A different {brokerage.name} login won’t work.</p>
          </div>
        )}
        <div className="mt-6">
          <FixForm
            fixSessionId={page.session.id}
            fields={{ connectionId: next.id }}
            label={`Reconnect ${brokerage.name}`}
            variant="filled"
          />
        </div>
        <NotNow page={page} appName={appName} />
      </section>
      {later.length > 0 && <Later steps={later} />}
    </>
  );
}

/** What this session has repaired so far, and how much is left. */
function Progress({ page }: { page: FixPageView }) {
  const done = listDone(page).flatMap(({ brokerage, disabledAt }) => (disabledAt ? [] : brokerage.name));
  const left = page.steps.length;
  if (done.length === 0 && left < 2) return null;
  return (
    <p className="digits mb-4 text-small text-ink-2">
      {done.length === 0
        ? `${left} connections need you`
        : `${listNames(done)} ${done.length === 1 ? "is" : "are"} connected again. ${count(left, "connection")} still ${left === 1 ? "needs" : "need"} you.`}
    </p>
  );
}

function Later({ steps }: { steps: ConnectionView[] }) {
  return (
    <section aria-labelledby="later" className="mt-8">
      <h2 id="later" className="text-label text-ink-2">
        Then
      </h2>
      <ol className="mt-1.5">
        {steps.map(({ id, brokerage }) => (
          <li
            key={id}
            className="flex min-h-14 items-center gap-3.5 border-b border-line py-1.5 last:border-b-0"
          >
            <Tile brokerage={brokerage} size={32} />
            <span className="min-w-0 flex-1 truncate">{brokerage.name}</span>
            <LinkGlyph name="needs" className="text-you-mark" />
            <span className="text-small text-you">Needs reconnecting</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Something is stopped, but its brokerage can't take a sign-in now. */
function NothingNow({ page, hasAccount, appName }: Props) {
  const waiting = page.connections.filter(({ canReconnect }) => canReconnect);
  const names = [...new Set(waiting.map(({ brokerage }) => brokerage.name))];
  return (
    <section aria-labelledby="fix">
      <h1 id="fix" className="text-title">
        Nothing for you to do right now
      </h1>
      <p className="mt-2 text-ink-2">
        {names.length > 0 ? listNames(names) : "Your brokerage"}{" "}
        {names.length > 1 ? "are having trouble or are" : "is having trouble or is"} under maintenance, so
        signing in wouldn’t work yet. {/* A link that signs in does so once. */}
        {hasAccount
          ? "Open this link again later; it keeps working."
          : `Start again in ${appName} later; nothing was changed.`}
      </p>
      {/* Not "Not now", which would end the session. */}
      <div className="mt-5">
        <WayBack page={page} hasAccount={hasAccount} appName={appName} />
      </div>
    </section>
  );
}
