import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { PlainPage } from "@/components/auth/plain-page";
import { ButtonLink } from "@/components/ui/button";
import { SubmitButton } from "@/components/ui/submit-button";
import { enter, switchPerson } from "@/lib/fix-sessions/actions";
import { getCaller } from "@/lib/auth/user";
import { env } from "@/lib/base/env";
import { findLink } from "@/lib/fix-sessions/links/find";

export const metadata: Metadata = { title: "Your connections", robots: "noindex" };

/**
 * Where a fix session's link leads. Opening it changes nothing, because a scanner or a preview may have opened
 * it: signing in takes a button, and the session's own page is behind it.
 */
export default async function LinkPage({ params }: PageProps<"/fix/[token]">) {
  const { token } = await params;
  const { APP_NAME } = env();
  const link = await findLink(token, new Date());
  const caller = await getCaller();
  if (!link) return <DeadLink appName={APP_NAME} />;
  const isOwn = caller?.user.id === link.userId && (caller.within === null || caller.within === link.id);
  if (isOwn) redirect(`/fix-sessions/${link.id}`);
  if (link.signsIn) return <Enter appName={APP_NAME} token={token} signedIn={signedInAs(caller)} />;
  if (caller?.within === null)
    return <OtherPerson appName={APP_NAME} token={token} name={caller.user.email} />;
  if (link.isOver) return <DeadLink appName={APP_NAME} />;
  // That page says how to go on, also to someone who has no other way to sign in.
  if (link.wasUsed && !caller) redirect(`/fix-sessions/${link.id}`);
  redirect(`/?callbackUrl=${encodeURIComponent(`/fix/${token}`)}`);
}

/** How the sentence about who is signed in goes on; undefined for a visitor and for nobody. */
function signedInAs(caller: Awaited<ReturnType<typeof getCaller>>): string | undefined {
  if (caller?.within !== null) return undefined;
  return caller.user.email ? `as ${caller.user.email}` : "to another account";
}

function Enter({ appName, token, signedIn }: { appName: string; token: string; signedIn?: string }) {
  return (
    <PlainPage appName={appName} title="Continue with your connections?">
      <p className="mt-2 text-ink-2">
        This link lets you sign in to your brokerage for {appName}, and nothing else. It works once, for ten
        minutes.
        {signedIn &&
          ` You’re currently signed in ${signedIn}. Using this link signs you out of that account.`}
      </p>
      <form action={enter} className="mt-5">
        <input type="hidden" name="token" value={token} />
        <SubmitButton variant="filled" pendingLabel="One moment…" className="!min-h-11 w-full">
          Continue
        </SubmitButton>
      </form>
      <p className="mt-6 border-t border-line pt-4 text-small text-ink-2">
        If you didn’t ask for this in {appName}, or someone else sent it to you, close this page. Nothing has
        happened yet.
      </p>
    </PlainPage>
  );
}

function OtherPerson({ appName, token, name }: { appName: string; token: string; name: string | null }) {
  return (
    <PlainPage appName={appName} title="This link is for someone else">
      <p className="mt-2 text-ink-2">
        {name ? (
          <>
            You’re signed in as <strong className="font-semibold break-words text-ink">{name}</strong>, and
            the
          </>
        ) : (
          "The"
        )}{" "}
        link belongs to another account. If that one is yours too, sign out here and sign in with it.
      </p>
      <form action={switchPerson} className="mt-5">
        <input type="hidden" name="token" value={token} />
        <SubmitButton variant="filled" pendingLabel="Signing out…" className="!min-h-11 w-full">
          Switch accounts
        </SubmitButton>
      </form>
      <ButtonLink href="/connections" variant="quiet" className="mt-2 w-full">
        Go to your connections
      </ButtonLink>
    </PlainPage>
  );
}

function DeadLink({ appName }: { appName: string }) {
  return (
    <PlainPage appName={appName} title="This link no longer works">
      <p className="mt-2 text-ink-2">
        Links like this one work for a limited time, and only until they’re no longer needed. Go to your
        connections to see whether any of them still need you, or ask for a new link where you got this one.
      </p>
      <ButtonLink href="/connections" className="mt-5 w-full">
        Go to your connections
      </ButtonLink>
    </PlainPage>
  );
}
