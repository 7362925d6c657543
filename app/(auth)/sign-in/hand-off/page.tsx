import type { Metadata } from "next";
import { headers } from "next/headers";
import { redirect } from "next/navigation";
import { PlainPage } from "@/components/auth/plain-page";
import { SignInButton } from "@/components/auth/sign-in-button";
import { enterByHandOff } from "@/lib/auth/actions";
import { readHandOff } from "@/lib/auth/hand-off/link";
import { getUser } from "@/lib/auth/user";
import { env } from "@/lib/base/env";

export const metadata: Metadata = { title: "Sign in" };

/**
 * The page behind a hand-off. Opening it signs nobody in. The button presses itself only for someone who
 * comes from the company's own pages, so that nobody else can sign a browser in as a person of their choice.
 */
export default async function HandOffPage({ searchParams }: PageProps<"/sign-in/hand-off">) {
  const { token } = await searchParams;
  const user = await getUser();
  const handOff = typeof token === "string" ? await readHandOff(token, new Date()) : null;
  if (typeof token !== "string" || !handOff) redirect(user ? "/connections" : "/?error=HandOff");
  const { APP_NAME } = env();
  const { userId, email, externalId } = handOff;
  const name = email ?? externalId ?? "";
  const isSomeoneElse = user !== null && user.id !== userId;
  return (
    <PlainPage appName={APP_NAME} title={`Sign in to ${APP_NAME}?`}>
      <p className="mt-2 text-ink-2">
        This link signs you in as <strong className="font-semibold break-words text-ink">{name}</strong>.
        {isSomeoneElse &&
          ` You’re currently signed in ${user.email ? `as ${user.email}` : "to another account"}. Using this link signs you out of that account.`}
      </p>
      <SignInButton
        action={enterByHandOff}
        fields={{ token }}
        label={`Sign in as ${name}`}
        autoSubmit={!isSomeoneElse && (await comesFromTheCompany())}
      />
      <p className="mt-6 border-t border-line pt-4 text-small text-ink-2">
        If that isn’t you, close this page. Nothing has happened yet.
      </p>
    </PlainPage>
  );
}

async function comesFromTheCompany(): Promise<boolean> {
  const { APP_URL, EMBED_ORIGINS } = env();
  const asked = await headers();
  // A script that refreshes this page would always come from a page of ours: this one.
  if (asked.get("sec-fetch-mode") !== "navigate") return false;
  const referrer = asked.get("referer") ?? "";
  return URL.canParse(referrer) && [APP_URL, ...EMBED_ORIGINS].includes(new URL(referrer).origin);
}
