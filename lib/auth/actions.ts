"use server";

import { cookies } from "next/headers";
import { redirect } from "next/navigation";
import { z } from "zod";
import { callAuth } from "./handler";

const address = z.string().trim().pipe(z.email().max(254));

/** Mails a sign-in link. Everybody gets the same answer, whether the address is known or not. */
export async function requestSignIn(form: FormData): Promise<void> {
  const email = address.safeParse(form.get("email"));
  const returnTo = returnPath(form.get("returnTo"));
  if (!email.success) redirect(`/?error=address${returnTo ? `&callbackUrl=${encodeURIComponent(returnTo)}` : ""}`);
  const answer = await callAuth("signin/email", { email: email.data, callbackUrl: returnTo ?? "/connections" });
  redirect(answer.includes("error=") ? "/?error=mail" : "/check-mail");
}

/** Ends the session, here and in the database. */
export async function signOut(): Promise<void> {
  await callAuth("signout", { callbackUrl: "/" });
  const jar = await cookies();
  for (const { name } of jar.getAll()) if (name.endsWith("next-auth.session-token")) jar.delete(name);
  redirect("/");
}

/** A path of ours to go to after signing in; anything that could lead elsewhere is dropped. */
function returnPath(value: FormDataEntryValue | null): string | null {
  return typeof value === "string" && /^\/(?![/\\])[\w\-/?=&%.]*$/.test(value) ? value : null;
}
