import "server-only";
import { randomBytes } from "node:crypto";
import { headers } from "next/headers";
import { keepToken, readToken } from "./cookie";
import { deviceOf } from "./device";
import { endSession, maxAgeDays, startSession } from "./sessions";

/** 256 random bits; next-auth's own, a UUID, has fewer than 128. */
export const newSessionToken = () => randomBytes(32).toString("base64url");

/** Starts a session for this browser, in place of the one it had, whoever that one belonged to. */
export async function replaceSession({ token, userId }: { token: string; userId: string }): Promise<void> {
  const former = await readToken();
  if (former) await endSession(former);
  const device = deviceOf((await headers()).get("user-agent") ?? "");
  await startSession({ token, userId, device, now: new Date() });
}

/** Signs this browser in as someone who has just proved who they are. */
export async function enterAs(userId: string): Promise<void> {
  const token = newSessionToken();
  await replaceSession({ token, userId });
  await keepToken(token, new Date(Date.now() + maxAgeDays * 86_400_000));
}
