"use server";

import { cookies, headers } from "next/headers";
import { redirect } from "next/navigation";
import { after } from "next/server";
import { networkOf } from "@/lib/base/client-address";
import { env } from "@/lib/base/env";
import { clientAddressHeader } from "@/lib/server/gate";
import { describeError, log } from "@/lib/base/log";
import { plainAddress } from "@/lib/mail-address";
import { dropToken, readToken } from "./cookie";
import { enterAs } from "./browser-session";
import { redeemHandOff } from "./hand-off/link";
import { redeemLink } from "./handler";
import { endSession } from "./sessions";
import { linkMinutes, sendSignInEmail } from "./sign-in-email";
import { createSignInLink, dropSignInLink, markOf } from "./sign-in-link";
import { askedHere, returnPath } from "./sign-in-request";

/**
 * Sends a sign-in link by e-mail. The response is always the same, whether or not the address is known and
 * whether or not an e-mail was sent.
 */
export async function requestSignIn(form: FormData): Promise<void> {
  if (!env().SIGN_IN.includes("email")) redirect("/");
  const email = plainAddress(textOf(form, "email").trim());
  const returnTo = returnPath(textOf(form, "returnTo"));
  if (!email) redirect(`/?error=address${returnTo ? `&callbackUrl=${encodeURIComponent(returnTo)}` : ""}`);
  const network = networkOf((await headers()).get(clientAddressHeader));
  const link = await createSignInLink({ email, network, now: new Date() });
  const send = () => (link ? mail(link.token, email, returnTo) : Promise.resolve(true));
  if (link?.beyondLimits) after(send);
  else if (!(await send())) redirect("/?error=mail");
  await rememberAsking(link?.token ?? crypto.randomUUID());
  redirect("/check-mail");
}

/** Handles the button on the page behind a sign-in link, which shows who will be signed in. */
export async function signIn(form: FormData): Promise<void> {
  if (!env().SIGN_IN.includes("email")) redirect("/");
  const redeemed = await redeemLink({ token: textOf(form, "token"), email: textOf(form, "email") });
  if (redeemed === "being-deleted") redirect("/account/deleted");
  if (redeemed === "unusable") redirect("/?error=Verification");
  (await cookies()).delete(askedHere);
  redirect(returnPath(textOf(form, "returnTo")) ?? "/connections");
}

/** Handles the button on the page behind a hand-off, which shows who will be signed in. */
export async function enterByHandOff(form: FormData): Promise<void> {
  const redeemed = await redeemHandOff(textOf(form, "token"), new Date());
  if (!redeemed) redirect("/?error=HandOff");
  await enterAs(redeemed.userId);
  redirect(redeemed.returnTo);
}

/** Signs out in this browser and deletes the session from the database. */
export async function signOut(): Promise<void> {
  const token = await readToken();
  if (token) await endSession(token);
  await dropToken();
  redirect("/");
}

/** @returns false if the e-mail could not be handed over; its link is then deleted */
async function mail(token: string, to: string, returnTo: string | null): Promise<boolean> {
  try {
    await sendSignInEmail({ to, token, returnTo: returnTo ?? "/connections" });
    return true;
  } catch (error) {
    log.error(describeError(error), "A sign-in link could not be mailed");
    await dropSignInLink(token);
    return false;
  }
}

/**
 * SameSite is lax because the link is opened from a mail program; only this browser continues without a
 * click.
 */
async function rememberAsking(token: string) {
  const secure = env().APP_URL.startsWith("https:");
  (await cookies()).set(askedHere, markOf(token), {
    httpOnly: true,
    sameSite: "lax",
    path: "/sign-in",
    secure,
    maxAge: linkMinutes * 60,
  });
}

function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}
