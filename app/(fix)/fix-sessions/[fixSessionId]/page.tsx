import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { FixOffer } from "@/components/fix-sessions/fix-offer";
import { FixOff } from "@/components/fix-sessions/fix-off";
import { FixOver } from "@/components/fix-sessions/fix-over";
import { FixResult } from "@/components/fix-sessions/fix-result";
import { SignInEnded } from "@/components/fix-sessions/sign-in-ended";
import { LiveUpdates } from "@/components/live-updates";
import { Notice } from "@/components/ui/notice";
import { getCaller } from "@/lib/auth/user";
import { env } from "@/lib/base/env";
import { errorSentence } from "@/lib/base/errors";
import { isShadow } from "@/lib/base/mode";
import { getFixPage } from "@/lib/fix-sessions/visits/page";
import { snapTradeId } from "@/lib/snaptrade/id";
import { AfterPortal, findPortalSession } from "../../../after-portal";
import { getReader, readingIn } from "../../../reader";
import { ConnectChoice } from "./connect-choice";

export const metadata: Metadata = { title: "Your connections", robots: "noindex" };

/** One fix session: what is next, how the visit to the portal went, or how it all ended. */
export default async function FixSessionPage({
  params,
  searchParams,
}: PageProps<"/fix-sessions/[fixSessionId]">) {
  const id = snapTradeId.safeParse((await params).fixSessionId);
  if (!id.success) notFound();
  const { APP_NAME: appName } = env();
  const { portal, brokerage, error: code } = await searchParams;
  const caller = await getCaller();
  if (!caller) return <SignInEnded appName={appName} returnTo={`/fix-sessions/${id.data}`} />;
  if (caller.within !== null && caller.within !== id.data) notFound();

  const arriving = await getReader();
  const page = await getFixPage(caller.user.id, id.data, arriving.moment);
  if (!page) notFound();
  const reader = readingIn(arriving, page.session.locale);
  const { viewer, now } = reader;
  const hasAccount = caller.within === null;
  const visit = await findPortalSession(caller.user.id, portal, now);
  if (visit?.fixSessionId === id.data)
    return (
      <AfterPortal userId={caller.user.id} view={visit} viewer={viewer} now={now}>
        <FixResult
          page={page}
          view={visit}
          viewer={viewer}
          now={now}
          hasAccount={hasAccount}
          appName={appName}
        />
      </AfterPortal>
    );
  const sentence = errorSentence(code);
  return (
    <LiveUpdates version={page.version} sentences={{}}>
      {sentence && <Notice>{sentence}</Notice>}
      {page.session.endedAt ? (
        <FixOver page={page} hasAccount={hasAccount} appName={appName} />
      ) : isShadow() ? (
        <FixOff page={page} hasAccount={hasAccount} appName={appName} />
      ) : page.session.kind === "connect" ? (
        <ConnectChoice page={page} chosen={brokerage} reader={reader} appName={appName} />
      ) : (
        <FixOffer page={page} hasAccount={hasAccount} appName={appName} />
      )}
    </LiveUpdates>
  );
}
