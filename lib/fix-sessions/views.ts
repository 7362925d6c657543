import type { ConnectionView } from "@/lib/connections/views";

/** A fix session as the company's server and the session's own pages see it. Times are on our clock. */
export interface FixSession {
  id: string;
  userId: string;
  /** The company's own id of the person. */
  externalId: string | null;
  kind: "fix" | "connect";
  connectionId: string | null;
  /** The slug of the brokerage to connect. */
  brokerage: string | null;
  status: "pending" | "opened" | "fixed" | "connected" | "failed" | "expired";
  createdAt: Date;
  expiresAt: Date;
  openedAt: Date | null;
  endedAt: Date | null;
  reason: "done" | "not-needed" | "removed" | "given-up" | "replaced" | "timed-out" | null;
  /** The connections that it repaired or made. */
  doneIds: string[];
  /** Why it failed: our word, and SnapTrade's code if it gave one. */
  failure: { reason: string; code: string | null } | null;
  returnUrl: string | null;
  locale: string | null;
}

/** What a fix session's page shows. */
export interface FixPageView {
  session: FixSession;
  /** Where the person goes on afterwards, in the company's product; null if nowhere. */
  returnTo: string | null;
  /** What is shown is at least as new as this version of the person's data. */
  version: number;
  /** What can be repaired now, in order. */
  steps: ConnectionView[];
  /** All of the person's connections that the session may be about. */
  connections: ConnectionView[];
  lookedAt: Date | null;
}
