import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { PlainPage } from "@/components/auth/plain-page";
import { SignInButton } from "@/components/auth/sign-in-button";
import { signIn } from "@/lib/auth/actions";
import { isSignInLink } from "@/lib/auth/sign-in-link";
import { wasAskedHere } from "@/lib/auth/sign-in-request";
import { getUser } from "@/lib/auth/user";
import { env } from "@/lib/base/env";

export const metadata: Metadata = { title: "Sign in" };

/**
 * The page behind a sign-in link. Opening it signs nobody in, because a mail scanner may have opened it or
 * the link may belong to someone else.
 */
export default async function SignInLinkPage({ searchParams }: PageProps<"/sign-in">) {
  const { token, email, returnTo } = await searchParams;
  const user = await getUser();
  if (
    typeof token !== "string" ||
    typeof email !== "string" ||
    !(await isSignInLink({ token, email, now: new Date() }))
  )
    redirect(user ? "/connections" : "/?error=Verification");
  const { APP_NAME } = env();
  const fields = { token, email, returnTo: typeof returnTo === "string" ? returnTo : "" };
  return (
    <PlainPage appName={APP_NAME} title={`Sign in to ${APP_NAME}?`}>
      <p className="mt-2 text-ink-2">
        This link signs you in as <strong className="font-semibold break-words text-ink">{email}</strong>.
        {user &&
          user.email !== email &&
          ` You’re currently signed in ${user.email ? `as ${user.email}` : "to another account"}. Using this link signs you out of that account.`}
      </p>
      <SignInButton
        action={signIn}
        fields={fields}
        label={`Sign in as ${email}`}
        autoSubmit={!user && (await wasAskedHere(token))}
      />
      <p className="mt-6 border-t border-line pt-4 text-small text-ink-2">
        If that isn’t your address, close this page. Nothing has happened yet.
      </p>
    </PlainPage>
  );
}
