import type { Patch } from "./patch";

/** Defects of what is there for the company: events, imports, requests, and fix sessions. */
export const companyMutations: Record<string, Patch[]> = {
  /** A later event about a connection doesn't wait for an earlier one. */
  "events-order": [
    {
      file: "lib/events/claim.ts",
      from: "and before.position < delivery.position",
      to: "and before.position < 0",
    },
  ],
  /** An attempt that nobody answered counts as delivered. */
  "events-lost": [
    {
      file: "lib/events/deliver.ts",
      from: "if (failure) await recordFailed",
      to: "if (failure?.status) await recordFailed",
    },
  ],
  /** A removed endpoint still gets events. */
  "events-removed": [
    { file: "lib/events/endpoints.ts", from: ".set({ pausedAt: now })", to: ".set({ lastError: null })" },
    {
      file: "lib/events/endpoints.ts",
      from: "await db.delete(eventEndpoints).where(eq(eventEndpoints.id, id));",
      to: "",
    },
  ],
  /** Each attempt to deliver an event has an id of its own. */
  "events-renamed": [
    {
      file: "lib/events/deliver.ts",
      from: "signedHeaders(endpoint, delivery.eventId, body",
      to: "signedHeaders(endpoint, crypto.randomUUID(), body",
    },
  ],
  /** The command that resets a secret also does so for people whom the company registered. */
  "secret-reset": [
    {
      file: "lib/account/reset-secret.ts",
      from: "if (row.adoptedAt && !evenIfAdopted)",
      to: "if (row.adoptedAt && evenIfAdopted)",
    },
  ],
  /** Only the timer ends fix sessions, and a repair counts although the connection has broken again. */
  "fix-late": [
    {
      file: "lib/fix-sessions/ending/end.ts",
      from: "if (userIds.length > 0) await end(",
      to: "if (userIds.length < 0) await end(",
    },
    {
      file: "lib/fix-sessions/ending/due.ts",
      from: "and(isNull(fixSessions.outcome), lte(fixSessions.expiresAt, now))",
      to: "isNull(fixSessions.outcome)",
    },
    {
      file: "lib/fix-sessions/ending/facts.ts",
      from: " and repaired.state = 'enabled' and ${condition})`",
      to: " and ${condition})`",
    },
    {
      file: "lib/fix-sessions/ending/facts.ts",
      from: "repaired.read_at > visit.opened_at and repaired.read_state = 'enabled'",
      to: "repaired.read_at > visit.opened_at",
    },
    {
      file: "lib/fix-sessions/ending/decide.ts",
      from: "if (repaired.length > 0 && left === 0)",
      to: "if (repaired.length > 0 && left >= 0)",
    },
  ],
  /** A database that fails while a person is imported goes unnoticed. */
  "import-lost": [
    {
      file: "lib/people/adopt.ts",
      from: "if (isOvertaken) return false;\n    throw error;",
      to: "return !isOvertaken;",
    },
  ],
  /** A repeated request of the API is carried out again. */
  "request-repeated": [
    {
      file: "lib/api/idempotency.ts",
      from: "isNull(apiRequests.status),\n        lt(apiRequests.lockedUntil, now),",
      to: "",
    },
  ],
  /** A fix session that is over ends again. */
  "fix-twice": [
    {
      file: "lib/fix-sessions/ending/end.ts",
      from: "and(which, isNull(fixSessions.outcome))",
      to: "which",
    },
  ],
  /** Somebody else's repair ends a fix session as fixed. */
  "fix-elsewhere": [
    {
      file: "lib/fix-sessions/ending/decide.ts",
      from: "if (repaired.length > 0 && left === 0)",
      to: 'if (kind === "fix" && left === 0)',
    },
  ],
  /** Nobody ends a fix session whose time is up. */
  "fix-stuck": [
    {
      file: "lib/fix-sessions/ending/due.ts",
      from: "if (due.length === 0) return 0;",
      to: "if (due.length >= 0) return 0;",
    },
  ],
};
