import "server-only";
import { cookies } from "next/headers";
import { env } from "@/lib/base/env";

const suffix = "next-auth.session-token";
/** How long someone may take to sign in at the company's provider. */
const checksMaxAge = 15 * 60;

const isHttps = () => env().APP_URL.startsWith("https:");

/**
 * Over HTTPS, the prefix makes browsers refuse a cookie from any other host and without `Secure`; one of
 * another name could have been planted by a sibling host, so none counts.
 */
const nameOf = (name: string) => (isHttps() ? `__Host-${name}` : name);

/** Whether a company's pages may show ours in a frame, where only a cookie of that frame's own is kept. */
const isFramed = () => env().EMBED_ORIGINS.length > 0;

/**
 * The cookie with the session's token. One for frames has another name: a browser may hold both kinds, and
 * would send both.
 */
export const sessionCookie = () => nameOf(isFramed() ? "next-auth.framed-session-token" : suffix);

/** The attributes of every cookie that helps to sign someone in. */
export const cookieOptions = () =>
  ({ httpOnly: true, sameSite: "lax", path: "/", secure: isHttps() }) as const;

/**
 * The attributes of the session's cookie. In another site's frame it is partitioned: it belongs to that frame
 * on that site, and no other site's frames or requests ever carry it.
 */
export const sessionOptions = () =>
  isFramed()
    ? ({ httpOnly: true, sameSite: "none", path: "/", secure: true, partitioned: true } as const)
    : cookieOptions();

/** The names and attributes of next-auth's cookies. */
export function authCookies() {
  const cookie = (name: string, more: { maxAge?: number } = {}) => ({
    name: nameOf(`next-auth.${name}`),
    options: { ...cookieOptions(), ...more },
  });
  return {
    sessionToken: { name: sessionCookie(), options: sessionOptions() },
    callbackUrl: cookie("callback-url", { maxAge: checksMaxAge }),
    csrfToken: cookie("csrf-token"),
    pkceCodeVerifier: cookie("pkce.code_verifier", { maxAge: checksMaxAge }),
    state: cookie("state", { maxAge: checksMaxAge }),
    nonce: cookie("nonce", { maxAge: checksMaxAge }),
  };
}

/** The token of this request's session cookie, or null. */
export async function readToken(): Promise<string | null> {
  const jar = await cookies();
  return jar.get(sessionCookie())?.value ?? null;
}

/** Gives this browser a session's token until it expires. */
export async function keepToken(token: string, expires: Date): Promise<void> {
  const jar = await cookies();
  jar.set(sessionCookie(), token, { ...sessionOptions(), expires });
}

/** Removes the session's cookie from this browser. */
export async function dropToken(): Promise<void> {
  const jar = await cookies();
  // Only a cookie with the same attributes deletes a "__Host-" or a partitioned one.
  jar.set(sessionCookie(), "", { ...sessionOptions(), maxAge: 0 });
  for (const { name } of jar.getAll())
    if (name.endsWith(suffix) && name !== sessionCookie())
      jar.set(name, "", { path: "/", secure: name.startsWith("__"), maxAge: 0 });
}
