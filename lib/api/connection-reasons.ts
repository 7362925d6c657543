import type { ConnectionStatus } from "@/lib/connections/views";

/** "Reconnected today" is news for people; for programs it is connected. */
type Reason = Exclude<ConnectionStatus, "fresh">;

const texts: Record<Reason, string> = {
  connected: "It works.",
  degraded: "It works, but SnapTrade reports trouble at the brokerage.",
  maintenance: "The brokerage is under maintenance. It works again afterwards.",
  "unknown-connected": "It worked when it was last checked, but that can’t be checked right now.",
  disabled: "The brokerage no longer accepts the sign-in. Its owner has to sign in again.",
  "disabled-incident":
    "Many connections to this brokerage stopped working at once. Signing in again may help, or may have to wait.",
  "disabled-maintenance": "It stopped working, and the brokerage is under maintenance.",
  reconnecting: "Its owner is signing in right now.",
  verifying: "Its owner has signed in. SnapTrade hasn’t confirmed yet that it works.",
  "unknown-disabled": "It had stopped working when it was last checked, but that can’t be checked right now.",
  unsupported: "SnapTrade no longer connects to this brokerage.",
  removing: "Its owner asked to remove it.",
  removed: "It was removed.",
};

export const connectionReasons = Object.keys(texts) as [Reason, ...Reason[]];

/** Why a connection is in its state, for programs and for people. */
export function reasonOf(status: ConnectionStatus): { code: Reason; text: string } {
  const code = status === "fresh" ? "connected" : status;
  return { code, text: texts[code] };
}
