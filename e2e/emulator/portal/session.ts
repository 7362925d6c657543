import { randomBytes, randomUUID } from "node:crypto";
import type { LoginBody } from "../api/login";
import { minutes } from "../clock";

export type Ending = { kind: "success"; connectionId: string } | { kind: "error"; code: string; status: number; detail: string };

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
}

const linkLife = minutes(5);

export function newSession(now: number, userId: string, wanted: LoginBody, body: Record<string, unknown>): PortalSession {
  return {
    sessionId: randomUUID(),
    token: randomBytes(48).toString("base64"),
    userId,
    expiresAt: now + linkLife,
    redeemed: false,
    wanted,
    body,
    ending: null,
  };
}

export const expiredEnding: Ending = {
  kind: "error",
  code: "1006",
  status: 400,
  detail: "No authorization is in progress. The session expired or has already finished.",
};
