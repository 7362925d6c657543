import "server-only";
import { env } from "@/lib/base/env";
import { AppError } from "@/lib/base/errors";
import { takeOrThrow } from "@/lib/limits";
import { createHandOff } from "./link";

/**
 * For a page in another site's frame: an address that opens a page of ours in its own window, signed in as the
 * same person. Exists only where framing does.
 * @throws AppError not-found without EMBED_ORIGINS, opened-often, or like createHandOff
 */
export async function createOwnWindow(userId: string, returnTo: string, now: Date): Promise<{ url: string }> {
  if (env().EMBED_ORIGINS.length === 0) throw new AppError("not-found");
  await takeOrThrow("own window by person", userId, now, "opened-often");
  const { url } = await createHandOff({ userId, returnTo, now });
  return { url };
}
