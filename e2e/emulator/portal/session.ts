import type { LoginBody } from "../api/login-body";
import { minutes } from "../world/clock";
import type { Ending, PortalSession, User, World } from "../world/model";

const linkLife = minutes(5);

export function newSession(
  world: World,
  user: User,
  wanted: LoginBody,
  body: Record<string, unknown>,
): PortalSession {
  return {
    sessionId: world.chance.uuid(),
    token: world.chance.bytes(48).toString("base64"),
    userId: user.userId,
    expiresAt: world.now(user) + linkLife,
    redeemed: false,
    wanted,
    body,
    ending: null,
    failures: 0,
  };
}

export const expiredEnding: Ending = {
  kind: "error",
  code: "1006",
  status: 400,
  detail: "No authorization is in progress. The session expired or has already finished.",
};
