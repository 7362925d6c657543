import "server-only";
import { cookies } from "next/headers";
import { env } from "@/lib/base/env";

const suffix = "next-auth.session-token";

const isHttps = () => env().APP_URL.startsWith("https:");

/**
 * The cookie with the session's token. Over HTTPS, its prefix makes browsers refuse it from any other host and
 * without `Secure`; one of another name could have been planted by a sibling host, so none counts.
 */
export const sessionCookie = () => (isHttps() ? `__Host-${suffix}` : suffix);

/** The token of this request's session cookie, or null. */
export async function readToken(): Promise<string | null> {
  const jar = await cookies();
  return jar.get(sessionCookie())?.value ?? null;
}

/** Removes the session's cookie from this browser. */
export async function dropToken(): Promise<void> {
  const jar = await cookies();
  // Only a cookie with the same attributes deletes a "__Host-" cookie.
  for (const { name } of jar.getAll())
    if (name.endsWith(suffix)) jar.set(name, "", { path: "/", secure: name.startsWith("__"), maxAge: 0 });
}
