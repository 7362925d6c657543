import "server-only";
import { timingSafeEqual } from "node:crypto";
import { cookies } from "next/headers";
import { env } from "@/lib/base/env";
import { markOf } from "./sign-in-link";

/** The cookie that shows, when a sign-in link is opened, that this browser requested it. */
export const askedHere = "sign-in-asked";

/** True if this browser requested this particular link. */
export async function wasAskedHere(token: string): Promise<boolean> {
  const kept = Buffer.from((await cookies()).get(askedHere)?.value ?? "");
  const expected = Buffer.from(markOf(token));
  return kept.length === expected.length && timingSafeEqual(kept, expected);
}

/** A path within the app to go to after signing in, or null for anything that could lead off-site. */
export function returnPath(value: string): string | null {
  if (!/^\/(?![/\\])[\w\-/?=&%.]*$/.test(value)) return null;
  // Once its dots are resolved, "/.//example.com" is "//example.com", which browsers read as a host.
  return new URL(value, env().APP_URL).pathname.startsWith("//") ? null : value;
}
