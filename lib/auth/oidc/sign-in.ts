import "server-only";
import { cookies } from "next/headers";
import { env } from "@/lib/base/env";
import { describeError, log } from "@/lib/base/log";
import { withinTime } from "@/lib/base/time-limit";
import { authCookies } from "../cookie";
import { askNextAuth, dropCookies } from "../handler";
import { returnPath } from "../sign-in-request";
import { oidcProviderId } from "./provider";

/** The whole of what the provider is asked on one page; it includes discovery each time. */
const limitMs = 15_000;

/** What the provider's answer may contain (RFC 6749 §4.1.2, RFC 9207). */
const answerFields = ["code", "state", "iss"];

/**
 * Begins signing in at the company's provider. The browser keeps what the answer will be checked against.
 * @returns the provider's page, or a page of ours that says why it can't be opened
 */
export async function beginOidc(returnTo: string | null): Promise<{ provider: string } | { place: string }> {
  const callbackUrl = returnTo ?? "/connections";
  try {
    return await withinTime(limitMs, async () => {
      const { answer: csrf } = await askNextAuth({ path: ["csrf"] });
      const { csrfToken } = (await csrf.json()) as { csrfToken: string };
      const form = { csrfToken, callbackUrl };
      const { answer } = await askNextAuth({ path: ["signin", oidcProviderId], form });
      await dropCookies("csrfToken");
      const location = answer.headers.get("location") ?? "";
      // next-auth explains a failure on pages of its own, which are within this app.
      if (!URL.canParse(location) || location.startsWith(`${env().APP_URL}/`))
        return { place: errorPlace("OidcAway", callbackUrl) };
      return { provider: location };
    });
  } catch (error) {
    log.error(describeError(error), "Signing in at the identity provider could not begin");
    return { place: errorPlace("OidcAway", callbackUrl) };
  }
}

/**
 * Ends signing in with what the provider answered, and creates a session for this browser in place of the one
 * it had.
 * @returns the page to show: where the person wanted to go, or why they aren't signed in
 */
export async function finishOidc(answered: URLSearchParams): Promise<string> {
  if (!env().SIGN_IN.includes("oidc")) return "/";
  const kept = (await cookies()).get(authCookies().callbackUrl.name)?.value ?? "";
  const returnTo = pathOf(kept) ?? "/connections";
  if (answered.has("error")) {
    log.warn(
      { refused: answered.get("error") === "access_denied" },
      "The identity provider signed nobody in",
    );
    return errorPlace(answered.get("error") === "access_denied" ? "OidcDenied" : "OidcFailed", returnTo);
  }
  try {
    return await withinTime(limitMs, async () => {
      const query = Object.fromEntries([...answered].filter(([name]) => answerFields.includes(name)));
      const { answer, signedIn } = await askNextAuth({ path: ["callback", oidcProviderId], query });
      await dropCookies("callbackUrl", "csrfToken", "state", "nonce", "pkceCodeVerifier");
      if (signedIn) return returnTo;
      const place = ownPlace(answer.headers.get("location"));
      // The sentence about the claim is on the page that also offers to try again.
      if (place === "/?error=OidcClaim") return errorPlace("OidcClaim", returnTo);
      return place ?? errorPlace("OidcFailed", returnTo);
    });
  } catch (error) {
    log.error(describeError(error), "Signing in at the identity provider could not be completed");
    return errorPlace("OidcAway", returnTo);
  }
}

const errorPlace = (error: string, returnTo: string) =>
  `/?${new URLSearchParams({ error, callbackUrl: returnTo }).toString()}`;

/** A page of ours that lib/auth/config.ts chose, rather than next-auth. */
function ownPlace(location: string | null): string | null {
  const place = location && pathOf(location);
  return place && !place.startsWith("/api/auth/") ? place : null;
}

function pathOf(url: string): string | null {
  const { APP_URL } = env();
  return url.startsWith(`${APP_URL}/`) ? returnPath(url.slice(APP_URL.length)) : null;
}
