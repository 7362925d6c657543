import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { SignInForm } from "@/components/auth/sign-in-form";
import { getUser } from "@/lib/auth/user";
import { env } from "@/lib/base/env";

export const metadata: Metadata = { title: "Sign in" };

const sentences: Record<string, string> = {
  address: "That doesn’t look like an e-mail address. Check it and try again.",
  mail: "We couldn’t send the e-mail. Try again in a minute.",
  Verification: "That link has already been used or is more than 10 minutes old. Request a new one.",
};

export default async function SignInPage({ searchParams }: PageProps<"/">) {
  if (await getUser()) redirect("/connections");
  const { error: code, callbackUrl } = await searchParams;
  const error =
    typeof code === "string"
      ? ((Object.hasOwn(sentences, code) ? sentences[code] : null) ??
        "We couldn’t sign you in. Request a new link.")
      : null;
  return (
    <main className="flex flex-1 items-center justify-center px-4 py-16">
      <SignInForm appName={env().APP_NAME} returnTo={pathWithin(callbackUrl)} error={error} />
    </main>
  );
}

/** next-auth passes the return address as a full URL, our own pages as a path. */
function pathWithin(callbackUrl: string | string[] | undefined): string | null {
  if (typeof callbackUrl !== "string" || !URL.canParse(callbackUrl, env().APP_URL)) return null;
  const url = new URL(callbackUrl, env().APP_URL);
  return url.origin === env().APP_URL && url.pathname !== "/" ? url.pathname + url.search : null;
}
