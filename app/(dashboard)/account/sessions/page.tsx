import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { SessionList } from "@/components/auth/session-list";
import { Notice } from "@/components/ui/notice";
import { SubmitButton } from "@/components/ui/submit-button";
import { endOneSession, endOtherSessions } from "@/lib/account/actions";
import { signOut } from "@/lib/auth/actions";
import { listSessions } from "@/lib/auth/sessions";
import { getSession } from "@/lib/auth/user";
import { errorSentence } from "@/lib/base/errors";
import { getReader } from "../../../reader";

export const metadata: Metadata = { title: "Where you’re signed in" };

const done: Partial<Record<string, string>> = {
  one: "That device is signed out.",
  others: "You’re signed out everywhere else.",
};

export default async function SessionsPage({ searchParams }: PageProps<"/account/sessions">) {
  const session = await getSession();
  if (!session) redirect("/?callbackUrl=/account/sessions");
  const { error, ended } = await searchParams;
  const { viewer, now } = await getReader();
  const sessions = await listSessions(session.user.id, now);
  const sentence = errorSentence(error) ?? (typeof ended === "string" ? done[ended] : null);
  return (
    <>
      {sentence && <Notice>{sentence}</Notice>}
      <h1 className="text-title">Where you’re signed in</h1>
      <p className="mt-2 max-w-[560px] text-ink-2">
        Someone who has a device that’s signed in can see your connections. If you don’t recognize one, sign
        it out. You’re signed out automatically after 14 days without use, and after 60 days in any case.
      </p>
      <SessionList
        sessions={sessions}
        currentId={session.id}
        viewer={viewer}
        now={now}
        signOut={signOut}
        endOne={endOneSession}
      />
      {sessions.length > 1 && (
        <form action={endOtherSessions} className="mt-5">
          <SubmitButton variant="danger" pendingLabel="Signing out…">
            Sign out everywhere else
          </SubmitButton>
        </form>
      )}
    </>
  );
}
