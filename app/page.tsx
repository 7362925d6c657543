import type { Metadata } from "next";
import { headers } from "next/headers";
import { redirect } from "next/navigation";
import { connection } from "next/server";
import { OutsideFrame } from "@/components/auth/outside-frame";
import { SignInForm } from "@/components/auth/sign-in-form";
import { oidcName } from "@/lib/auth/oidc/provider";
import { getUser } from "@/lib/auth/user";
import { env } from "@/lib/base/env";

/** The layout's template doesn't apply to the page beside it. */
export async function generateMetadata(): Promise<Metadata> {
  await connection();
  return { title: `Sign in · ${env().APP_NAME}` };
}

/** The errors that are about the address in the field. */
const ofTheAddress = new Set(["address", "mail"]);

const sentences: Record<string, (provider: string) => string> = {
  address: () => "That doesn’t look like an e-mail address. Check it and try again.",
  mail: () => "We couldn’t send the e-mail. Try again in a minute.",
  Verification: () => "That link has already been used or is more than 10 minutes old. Request a new one.",
  HandOff: () =>
    "That link has already been used or is more than a minute old. Go back to the page it was on and try again.",
  OidcAway: (provider) => `We couldn’t reach ${provider} to sign you in. Try again in a minute.`,
  OidcClaim: (provider) =>
    `${provider} signed you in, but didn’t identify you in a way we can use. Contact ${provider} about it.`,
  OidcDenied: (provider) => `${provider} didn’t sign you in. If that was a mistake, try again.`,
  OidcFailed: () =>
    "That sign-in couldn’t be completed. It may have taken too long, or been started again elsewhere. Try again.",
};

export default async function SignInPage({ searchParams }: PageProps<"/">) {
  if (await getUser()) redirect("/connections");
  const { error: code, callbackUrl } = await searchParams;
  const { APP_NAME, EMBED_ORIGINS, SIGN_IN } = env();
  const error =
    typeof code === "string"
      ? ((Object.hasOwn(sentences, code) ? sentences[code]?.(oidcName()) : null) ??
        "We couldn’t sign you in. Try again.")
      : null;
  const returnTo = pathWithin(callbackUrl);
  const form = (
    <SignInForm
      appName={APP_NAME}
      returnTo={returnTo}
      error={error}
      isOfTheAddress={typeof code === "string" && ofTheAddress.has(code)}
      byMail={SIGN_IN.includes("email")}
      provider={SIGN_IN.includes("oidc") ? oidcName() : null}
    />
  );
  if (EMBED_ORIGINS.length === 0) return form;
  const isFramed = (await headers()).get("sec-fetch-dest") === "iframe";
  return (
    <OutsideFrame isFramed={isFramed} appName={APP_NAME} place={returnTo ?? "/connections"}>
      {form}
    </OutsideFrame>
  );
}

/** next-auth passes the return address as a full URL, our own pages as a path. */
function pathWithin(callbackUrl: string | string[] | undefined): string | null {
  if (typeof callbackUrl !== "string" || !URL.canParse(callbackUrl, env().APP_URL)) return null;
  const url = new URL(callbackUrl, env().APP_URL);
  return url.origin === env().APP_URL && url.pathname !== "/" ? url.pathname + url.search : null;
}
