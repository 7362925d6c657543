import "server-only";
import NextAuth from "next-auth";
import { cookies } from "next/headers";
import { NextRequest } from "next/server";
import { env } from "@/lib/base/env";
import { authOptions, deletedPage } from "./config";
import { authCookies, cookieOptions, sessionCookie, sessionOptions } from "./cookie";

interface Question {
  path: ["csrf"] | ["callback" | "signin", string];
  query?: Record<string, string>;
  /** Makes it a POST. */
  form?: Record<string, string>;
}

/**
 * One request to next-auth, whose own routes can't be reached from outside. The cookies that it sets go to
 * this browser.
 * @returns its answer, and whether it started a session
 */
export async function askNextAuth({ path, query = {}, form }: Question): Promise<{
  answer: Response;
  signedIn: boolean;
}> {
  const search = new URLSearchParams(query).toString();
  const request = new NextRequest(`${env().APP_URL}/api/auth/${path.join("/")}?${search}`, {
    ...(form ? { method: "POST", body: new URLSearchParams(form) } : {}),
  });
  const context = { params: Promise.resolve({ nextauth: path }) };
  const answer: unknown = await NextAuth(request, context, await authOptions());
  if (!(answer instanceof Response)) throw new TypeError("next-auth returned no response");
  return { answer, signedIn: await passOnCookies(answer) };
}

/**
 * Redeems a sign-in link and creates a session for this browser, in place of the one it had.
 * @returns "unusable" if the link is used, expired, or invalid; "being-deleted", which only someone with a
 * usable link learns, if its account is
 */
export async function redeemLink({
  token,
  email,
}: {
  token: string;
  email: string;
}): Promise<"signed-in" | "being-deleted" | "unusable"> {
  const query = { token, email, callbackUrl: "/" };
  const { answer, signedIn } = await askNextAuth({ path: ["callback", "email"], query });
  await dropCookies("callbackUrl", "csrfToken");
  if (signedIn) return "signed-in";
  return answer.headers.get("Location") === deletedPage() ? "being-deleted" : "unusable";
}

/** Removes some of next-auth's cookies from this browser. */
export async function dropCookies(...which: (keyof ReturnType<typeof authCookies>)[]): Promise<void> {
  const jar = await cookies();
  for (const key of which) jar.set(authCookies()[key].name, "", { ...cookieOptions(), maxAge: 0 });
}

/** Passes next-auth's cookies on to the browser; returns true if one of them is a session's. */
async function passOnCookies(answer: Response): Promise<boolean> {
  const jar = await cookies();
  let signedIn = false;
  for (const header of answer.headers.getSetCookie()) {
    const [pair = "", ...attributes] = header.split("; ");
    const name = pair.slice(0, pair.indexOf("="));
    const value = decodeURIComponent(pair.slice(name.length + 1));
    const find = (attribute: string) =>
      attributes.find((one) => one.toLowerCase().startsWith(attribute))?.slice(attribute.length);
    const [expires, maxAge] = [find("expires="), find("max-age=")];
    jar.set(name, value, {
      ...(name === sessionCookie() ? sessionOptions() : cookieOptions()),
      ...(expires ? { expires: new Date(expires) } : {}),
      ...(maxAge ? { maxAge: Number(maxAge) } : {}),
    });
    signedIn ||= name === sessionCookie() && value !== "";
  }
  return signedIn;
}
