import type { fixSessions } from "@/lib/db/schema/fix-sessions";

type FixSession = typeof fixSessions.$inferSelect;

/** What decides whether a fix session is over. */
export interface EndFacts {
  kind: FixSession["kind"];
  /** For one connection, not for everything that needs the person. */
  isForOne: boolean;
  /** Connections that SnapTrade has reported working since a visit of this session to the portal began. */
  repaired: string[];
  /** New connections that such a visit made. */
  made: string[];
  /** An event says that such a visit repaired something, and a read has to confirm it. */
  isUnconfirmed: boolean;
  /** How many of its connections need the person, and how many of those can be repaired now. */
  needing: number;
  repairable: number;
  /** The one connection was deleted at SnapTrade. */
  isRemoved: boolean;
  /** A visit to the portal has begun and isn't over. */
  isInPortal: boolean;
  /** The newest visit to the portal failed. */
  hasFailed: boolean;
  isTooOld: boolean;
}

/** A person or the company ended it before it was done. */
export type Ending = "given-up" | "replaced";

interface End {
  outcome: NonNullable<FixSession["outcome"]>;
  reason: NonNullable<FixSession["reason"]>;
}

/**
 * Whether a fix session is over, and how; null while it isn't. It succeeds only through a visit of its own: a
 * connection that worked again before anyone came ends it as not needed. While someone is in the portal, or a
 * repair waits to be confirmed, neither that nor age ends it.
 */
export function endOf(facts: EndFacts, ending: Ending | null): End | null {
  const { kind, made, repaired, needing, repairable, isForOne } = facts;
  const unsuccessful = facts.hasFailed ? "failed" : "expired";
  if (made.length > 0) return { outcome: "connected", reason: "done" };
  const left = kind === "connect" ? 0 : isForOne ? needing : repairable;
  if (repaired.length > 0 && left === 0) return { outcome: "fixed", reason: "done" };
  if (facts.isRemoved) return { outcome: unsuccessful, reason: "removed" };
  const isWaiting = facts.isInPortal || facts.isUnconfirmed;
  if (kind === "fix" && needing === 0 && !isWaiting) return { outcome: "expired", reason: "not-needed" };
  if (ending) return { outcome: unsuccessful, reason: ending };
  if (facts.isTooOld && !isWaiting) return { outcome: unsuccessful, reason: "timed-out" };
  return null;
}
