import type { Metadata } from "next";
import { AccountList } from "@/components/connections/detail/account-list";
import { ButtonLink } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { SubmitButton } from "@/components/ui/submit-button";
import { Tile } from "@/components/ui/tile";
import { requireUser } from "@/lib/auth/user";
import { getConnectionDetail } from "@/lib/connections/pages/detail";
import { env } from "@/lib/base/env";
import { errorSentence } from "@/lib/base/errors";
import { readFixLink } from "@/lib/notifications/links";
import { getReader } from "../../../reader";

export const metadata: Metadata = { title: "Reconnect" };

/** Where an e-mail's button leads. Opening this page neither uses up the link nor calls SnapTrade. */
export default async function FixPage({ params, searchParams }: PageProps<"/fix/[token]">) {
  const { token } = await params;
  const user = await requireUser(`/fix/${token}`);
  const { moment } = await getReader();
  const error = errorSentence((await searchParams).error);
  const connectionId = await readFixLink(user.id, token, moment.now);
  const detail = connectionId ? await getConnectionDetail(user.id, connectionId, moment) : null;
  if (!detail) return <DeadLink />;
  const { brokerage, accounts } = detail.connection;
  return (
    <>
      {error && <Notice>{error}</Notice>}
      <section
        aria-labelledby="fix"
        className="max-w-[560px] rounded-card border border-line bg-surface p-5 shadow-card wide:p-8"
      >
        <div className="flex items-center gap-4">
          <Tile brokerage={brokerage} size={56} />
          <h1 id="fix" className="text-title">
            Reconnect {brokerage.name}
          </h1>
        </div>
        <p className="mt-4 text-ink-2">
          Sign in again, and this connection picks up where it left off, with the same accounts and history.
          You enter your password on SnapTrade’s or {brokerage.name}’s page, never in {env().APP_NAME}.
        </p>
        {accounts.length > 0 && (
          <div className="mt-5">
            <h2 className="text-label">Use the login for these accounts</h2>
            <AccountList accounts={accounts} />
            <p className="mt-2 text-small text-ink-3">A different {brokerage.name} login won’t work.</p>
          </div>
        )}
        <form action="/portal/open" method="post" className="mt-6">
          <input type="hidden" name="kind" value="fix" />
          <input type="hidden" name="token" value={token} />
          <input type="hidden" name="connectionId" value={detail.connection.id} />
          <SubmitButton variant="filled" pendingLabel="Opening…">
            Reconnect {brokerage.name}
          </SubmitButton>
        </form>
      </section>
    </>
  );
}

function DeadLink() {
  return (
    <section className="max-w-[560px]">
      <h1 className="text-title">This link no longer works</h1>
      <p className="mt-2 text-ink-2">
        Each link in our e-mails works once, for up to seven days, and only until the connection works again.
        Go to your connections to see whether any of them still need you.
      </p>
      <ButtonLink href="/connections" className="mt-5">
        Go to your connections
      </ButtonLink>
    </section>
  );
}
