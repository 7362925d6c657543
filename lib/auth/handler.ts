import "server-only";
import NextAuth from "next-auth";
import { cookies } from "next/headers";
import { NextRequest } from "next/server";
import { z } from "zod";
import { env } from "@/lib/base/env";
import { authOptions } from "./config";

/**
 * Redeems a sign-in link and creates a session for this browser.
 * @returns false if the link is used, expired, or invalid
 */
export async function redeemLink({ token, email }: { token: string; email: string }): Promise<boolean> {
  const answer = await ask("callback/email", {
    query: new URLSearchParams({ token, email, callbackUrl: "/" }),
  });
  return takeCookies(answer, "session-token");
}

/** Deletes this browser's session from the database. */
export async function endSession(): Promise<void> {
  const csrf = await ask("csrf");
  const { csrfToken } = z.object({ csrfToken: z.string() }).parse(await csrf.json());
  // next-auth compares its token with a cookie of this request, so set the cookie before posting.
  await takeCookies(csrf, "csrf-token");
  await ask("signout", { body: new URLSearchParams({ callbackUrl: "/", csrfToken, json: "true" }) });
}

/** Calls one of next-auth's own routes from a server action; they are not reachable from outside. */
async function ask(
  action: string,
  { query, body }: { query?: URLSearchParams; body?: URLSearchParams } = {},
): Promise<Response> {
  const url = `${env().APP_URL}/api/auth/${action}${query ? `?${query.toString()}` : ""}`;
  const request = new NextRequest(url, body ? { method: "POST", body } : undefined);
  const context = { params: Promise.resolve({ nextauth: action.split("/") }) };
  const answer: unknown = await NextAuth(request, context, await authOptions());
  if (!(answer instanceof Response)) throw new TypeError("next-auth returned no response");
  return answer;
}

/** Passes one kind of next-auth's cookies on to the browser; returns false if the response sets none. */
async function takeCookies(answer: Response, kind: "csrf-token" | "session-token"): Promise<boolean> {
  const jar = await cookies();
  let taken = false;
  for (const header of answer.headers.getSetCookie()) {
    const [pair = "", ...attributes] = header.split("; ");
    const name = pair.slice(0, pair.indexOf("="));
    const value = decodeURIComponent(pair.slice(name.length + 1));
    if (!name.endsWith(kind) || !value) continue;
    const expires = attributes.find((attribute) => /^expires=/i.test(attribute))?.slice("expires=".length);
    jar.set(name, value, {
      httpOnly: true,
      sameSite: "lax",
      path: "/",
      secure: name.startsWith("__"),
      ...(expires ? { expires: new Date(expires) } : {}),
    });
    taken = true;
  }
  return taken;
}
