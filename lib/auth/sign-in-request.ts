import "server-only";
import { timingSafeEqual } from "node:crypto";
import { cookies } from "next/headers";
import { markOf } from "./sign-in-link";

/** The cookie that identifies the browser that requested a sign-in link when the link is opened. */
export const askedHere = "sign-in-asked";

/** True when this browser requested this particular link, not just any link. */
export async function wasAskedHere(token: string): Promise<boolean> {
  const kept = Buffer.from((await cookies()).get(askedHere)?.value ?? "");
  const expected = Buffer.from(markOf(token));
  return kept.length === expected.length && timingSafeEqual(kept, expected);
}

/** A path of ours to go to after signing in; anything that could lead off-site is dropped. */
export function returnPath(value: string): string | null {
  return /^\/(?![/\\])[\w\-/?=&%.]*$/.test(value) ? value : null;
}
