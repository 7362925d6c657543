import "server-only";
import { timingSafeEqual } from "node:crypto";
import { cookies } from "next/headers";
import { markOf } from "./sign-in-link";

/** The cookie by which the browser that asked for a sign-in link is known when that link is opened. */
export const askedHere = "sign-in-asked";

/** True when this browser asked for that very link, and not merely for one. */
export async function wasAskedHere(token: string): Promise<boolean> {
  const kept = Buffer.from((await cookies()).get(askedHere)?.value ?? "");
  const expected = Buffer.from(markOf(token));
  return kept.length === expected.length && timingSafeEqual(kept, expected);
}

/** A path of ours to go to after signing in; anything that could lead elsewhere is dropped. */
export function returnPath(value: string): string | null {
  return /^\/(?![/\\])[\w\-/?=&%.]*$/.test(value) ? value : null;
}
