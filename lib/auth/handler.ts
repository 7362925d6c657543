import "server-only";
import NextAuth from "next-auth";
import { cookies } from "next/headers";
import { NextRequest } from "next/server";
import { z } from "zod";
import { env } from "@/lib/env";
import { authOptions } from "./config";

interface Context {
  params: Promise<{ nextauth: string[] }>;
}

/** What next-auth answers to a request of its own routes. */
export async function handleAuth(request: NextRequest, context: Context): Promise<Response> {
  const handler: unknown = await NextAuth(request, context, await authOptions());
  if (!(handler instanceof Response)) throw new TypeError("next-auth gave no response");
  return handler;
}

/**
 * Does one of next-auth's form posts from a server action, so that it works without client JavaScript.
 * @returns where next-auth would send the browser
 */
export async function callAuth(action: "signin/email" | "signout", fields: Record<string, string>): Promise<string> {
  const csrf = await handleAuth(requestTo("csrf"), contextOf("csrf"));
  const { csrfToken } = z.object({ csrfToken: z.string() }).parse(await csrf.json());
  await takeCookies(csrf);
  const body = new URLSearchParams({ ...fields, csrfToken, json: "true" });
  const answer = await handleAuth(requestTo(action, body), contextOf(action));
  return z.object({ url: z.string() }).parse(await answer.json()).url;
}

const contextOf = (action: string): Context => ({ params: Promise.resolve({ nextauth: action.split("/") }) });

function requestTo(action: string, body?: URLSearchParams): NextRequest {
  return new NextRequest(`${env().APP_URL}/api/auth/${action}`, body ? { method: "POST", body } : undefined);
}

/** next-auth compares its token with a cookie of this request, so the cookie must be there before the post. */
async function takeCookies(answer: Response) {
  const jar = await cookies();
  for (const header of answer.headers.getSetCookie()) {
    const [pair = ""] = header.split(";");
    const name = pair.slice(0, pair.indexOf("="));
    if (!name.endsWith("csrf-token")) continue;
    const secure = name.startsWith("__Host-");
    jar.set(name, decodeURIComponent(pair.slice(name.length + 1)), { httpOnly: true, sameSite: "lax", path: "/", secure });
  }
}
