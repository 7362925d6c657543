import "server-only";
import NextAuth from "next-auth";
import { cookies } from "next/headers";
import { NextRequest } from "next/server";
import { env } from "@/lib/base/env";
import { authOptions } from "./config";
import { sessionCookie } from "./cookie";

/**
 * Redeems a sign-in link and creates a session for this browser, in place of the one it had.
 * @returns false if the link is used, expired, or invalid
 */
export async function redeemLink({ token, email }: { token: string; email: string }): Promise<boolean> {
  const query = new URLSearchParams({ token, email, callbackUrl: "/" });
  const request = new NextRequest(`${env().APP_URL}/api/auth/callback/email?${query.toString()}`);
  const context = { params: Promise.resolve({ nextauth: ["callback", "email"] }) };
  // Its own routes can't be reached from outside.
  const answer: unknown = await NextAuth(request, context, await authOptions());
  if (!(answer instanceof Response)) throw new TypeError("next-auth returned no response");
  return takeCookie(answer);
}

/** Passes next-auth's session cookie on to the browser; returns false if the response sets none. */
async function takeCookie(answer: Response): Promise<boolean> {
  const jar = await cookies();
  for (const header of answer.headers.getSetCookie()) {
    const [pair = "", ...attributes] = header.split("; ");
    const name = pair.slice(0, pair.indexOf("="));
    const value = decodeURIComponent(pair.slice(name.length + 1));
    if (name !== sessionCookie() || !value) continue;
    const expires = attributes.find((attribute) => /^expires=/i.test(attribute))?.slice("expires=".length);
    jar.set(name, value, {
      httpOnly: true,
      sameSite: "lax",
      path: "/",
      secure: name.startsWith("__"),
      ...(expires ? { expires: new Date(expires) } : {}),
    });
    return true;
  }
  return false;
}
