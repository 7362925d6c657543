import type { LoginBody } from "../api/login";
import { minutes } from "../world/clock";
import type { User, World } from "../world/world";

export type Ending =
  { kind: "success"; connectionId: string } | { kind: "error"; code: string; status: number; detail: string };

/** One trip through the Connection Portal. */
export interface PortalSession {
  sessionId: string;
  token: string;
  userId: string;
  /** On the user's clock. */
  expiresAt: number;
  redeemed: boolean;
  wanted: LoginBody;
  /** The login body as it was received, for tests. */
  body: Record<string, unknown>;
  ending: Ending | null;
  /** How many sign-ins have failed in this session. */
  failures: number;
}

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
