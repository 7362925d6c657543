import "server-only";
import { env, type ReturnTarget } from "@/lib/base/env";

const maxLength = 2_000;

/**
 * Whether a fix session may lead back to this address: one that RETURN_URLS allows, without a user name in it
 * and without characters that programs read differently.
 * @param targets RETURN_URLS
 */
export function isReturnUrl(value: string, targets: ReturnTarget[] = env().RETURN_URLS): boolean {
  // Browsers drop some of these characters and turn others around, so what they open isn't what we checked.
  if (value.length > maxLength || !/^[\x21-\x7e]+$/.test(value) || value.includes("\\")) return false;
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  if (url.username || url.password || value.slice(url.protocol.length, url.protocol.length + 2) !== "//")
    return false;
  return targets.some(
    ({ protocol, host, path }) =>
      url.protocol === protocol &&
      (host === "" || url.host === host) &&
      (path === "" || url.pathname === path || url.pathname.startsWith(`${path}/`)),
  );
}

/**
 * The address at which the person continues in the company's product: the session's id and status are all that
 * is added. Null if there is none, or if RETURN_URLS no longer allows it.
 */
export function returnAddress(session: {
  id: string;
  returnUrl: string | null;
  status: string;
}): string | null {
  if (!session.returnUrl || !isReturnUrl(session.returnUrl)) return null;
  const url = new URL(session.returnUrl);
  url.searchParams.set("fix_session", session.id);
  url.searchParams.set("status", session.status);
  return url.href;
}
