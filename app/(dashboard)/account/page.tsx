import type { Metadata } from "next";
import { Notice } from "@/components/ui/notice";
import { ButtonLink } from "@/components/ui/button";
import { SubmitButton } from "@/components/ui/submit-button";
import { requireUser } from "@/lib/auth/user";
import { deleteAccount } from "@/lib/account/actions";
import { keepsSnapTradeUser } from "@/lib/account/delete";
import { env } from "@/lib/base/env";
import { errorSentence } from "@/lib/base/errors";
import { isShadow } from "@/lib/base/mode";

export const metadata: Metadata = { title: "Your account" };

export default async function AccountPage({ searchParams }: PageProps<"/account">) {
  const { id, email } = await requireUser("/account");
  const keeps = await keepsSnapTradeUser(id);
  const error = errorSentence((await searchParams).error);
  const { APP_NAME: appName } = env();
  return (
    <>
      {error && <Notice>{error}</Notice>}
      <h1 className="text-title">Your account</h1>
      <p className="mt-2 text-ink-2">
        {email
          ? `You sign in to ${appName} as ${email}.`
          : `${appName} has no e-mail address for you. You sign in through the app or website that sent you here.`}
      </p>
      <ButtonLink variant="secondary" href="/account/sessions" className="mt-5">
        See where you’re signed in
      </ButtonLink>
      <section
        aria-labelledby="delete"
        className="mt-8 max-w-[560px] rounded-card border border-line bg-surface p-5 shadow-card wide:p-8"
      >
        <h2 id="delete" className="text-head">
          Delete your account
        </h2>
        <p className="mt-2 text-ink-2">
          {keeps
            ? "We’ll sign you out and delete what we store about you here. This can’t be undone. The connections themselves stay with the app or website where you made them; to remove those too, remove them here first, or ask there."
            : `We’ll sign you out and ask SnapTrade to delete your connections and everything else it stores about you for ${appName}. Once SnapTrade confirms, ${appName} deletes its own data too. This can’t be undone.`}{" "}
          Your accounts at your brokerages aren’t affected.
        </p>
        {isShadow() && !keeps ? (
          <p className="mt-4">
            Your account can’t be deleted in shadow mode, because SnapTrade isn’t asked to delete anything.
          </p>
        ) : (
          <div className="mt-5 flex flex-wrap items-center gap-x-5 gap-y-2">
            <form action={deleteAccount}>
              <SubmitButton variant="danger" pendingLabel={keeps ? "Deleting…" : "Asking SnapTrade…"}>
                Delete my account
              </SubmitButton>
            </form>
            <ButtonLink variant="quiet" href="/connections">
              Keep my account
            </ButtonLink>
          </div>
        )}
      </section>
    </>
  );
}
