/**
 * Who may use a route: anyone, the signed-in person, the signed-in person as a stream, or a program that
 * brings its own secret. A route that is missing here fails the proof.
 */
export const routes: Partial<Record<string, "anyone" | "person" | "stream" | "program">> = {
  "/": "anyone",
  "/_global-error": "anyone",
  "/_not-found": "anyone",
  "/account": "person",
  "/account/deleted": "anyone",
  "/account/sessions": "person",
  "/api/auth/[...nextauth]": "anyone",
  "/api/cron/reconcile": "program",
  "/api/health": "anyone",
  "/api/health/live": "anyone",
  "/api/live": "stream",
  "/api/unsubscribe/[token]": "program",
  "/api/v1/[[...path]]": "program",
  "/api/v1/docs": "anyone",
  "/api/v1/openapi.json": "anyone",
  "/api/webhooks/snaptrade": "program",
  "/check-mail": "anyone",
  "/connections": "person",
  "/connections/[connectionId]": "person",
  "/connections/[connectionId]/remove": "person",
  "/connections/new": "person",
  "/fix-sessions/[fixSessionId]": "anyone",
  "/fix-sessions/[fixSessionId]/leave": "anyone",
  "/fix/[token]": "anyone",
  "/how-this-works": "anyone",
  "/icon.svg": "anyone",
  "/notifications": "person",
  "/portal/[portalSessionId]/return": "person",
  "/portal/missing": "anyone",
  "/portal/open": "anyone",
  "/sign-in": "anyone",
  "/sign-in/hand-off": "anyone",
  "/sign-in/oidc": "anyone",
  "/unsubscribe/[token]": "anyone",
  "/unsubscribe/done": "anyone",
};

/**
 * What lets in a fix session's visitor, and then refuses everything outside that session as it refuses another
 * person; the stream carries only the version of the person's data. All else takes a visitor for signed out.
 */
export const forVisitors = new Set([
  "/api/live",
  "/portal/[portalSessionId]/return",
  "lib/connections/actions.ts#reportPortal",
  "lib/connections/actions.ts#startFix",
]);

/** What the proof knows about its target. */
export interface Target {
  connectionId: string;
  portalSessionId: string;
  sessionId: string;
  fixToken: string;
  fixSessionId: string;
}

export interface ActionExpectation {
  /** Called with an object by our scripts, or posted as a form. */
  how: "call" | "form";
  /** Whether it is for the signed-in person only. */
  who: "anyone" | "person";
  input: (target: Target) => Record<string, unknown>;
  /**
   * What the input names belongs to the target, so another person must be refused; without it they act on
   * their own data.
   */
  named: boolean;
  /** Whether it ends the session of whoever uses it. */
  last?: boolean;
}

const call = (input: ActionExpectation["input"]): ActionExpectation => ({
  how: "call",
  who: "person",
  input,
  named: true,
});
const form = (input: ActionExpectation["input"]): ActionExpectation => ({ ...call(input), how: "form" });
const connection = ({ connectionId }: Target) => ({ connectionId });
const own = { input: () => ({}), named: false };
const open = { how: "form", who: "anyone", named: false } as const;

/** Every server action; one that is missing here fails the proof. */
export const actions: Partial<Record<string, ActionExpectation>> = {
  "lib/account/actions.ts#deleteAccount": { ...form(connection), ...own, last: true },
  "lib/account/actions.ts#endOneSession": form(({ sessionId }) => ({ sessionId })),
  "lib/account/actions.ts#endOtherSessions": { ...form(connection), ...own },
  "lib/auth/actions.ts#enterByHandOff": { ...open, input: () => ({ token: "made-up" }) },
  "lib/auth/actions.ts#requestSignIn": { ...open, input: () => ({ email: "inventory@example.com" }) },
  "lib/auth/actions.ts#signIn": {
    ...open,
    input: () => ({ token: "made-up", email: "inventory@example.com" }),
  },
  "lib/auth/actions.ts#signOut": { ...open, input: () => ({}), last: true },
  "lib/connections/actions.ts#cancelRemoval": form(connection),
  "lib/connections/actions.ts#checkNow": { ...form(connection), ...own },
  "lib/connections/actions.ts#keepBoth": call(connection),
  "lib/connections/actions.ts#keepBothForm": form(connection),
  "lib/connections/actions.ts#openOutside": { ...call(() => ({ returnTo: "/connections" })), named: false },
  "lib/connections/actions.ts#removeConnection": form(connection),
  "lib/connections/actions.ts#repeatRemoval": form(connection),
  "lib/connections/actions.ts#reportPortal": call(({ portalSessionId }) => ({
    portalSessionId,
    reportedResult: null,
    over: true,
  })),
  "lib/connections/actions.ts#requestNotifyWhenBack": call(connection),
  "lib/connections/actions.ts#requestNotifyWhenBackForm": form(connection),
  "lib/connections/actions.ts#skipEntry": call(({ connectionId }) => ({
    connectionId,
    queueId: connectionId,
  })),
  "lib/connections/actions.ts#startConnect": { ...call(() => ({ brokerage: "KRAKEN" })), named: false },
  "lib/connections/actions.ts#startFix": call(({ fixSessionId }) => ({ fixSessionId })),
  "lib/connections/actions.ts#startReconnect": call(connection),
  "lib/connections/actions.ts#startReconnectAll": { ...call(connection), ...own },
  "lib/fix-sessions/actions.ts#enter": { ...open, input: () => ({ token: "made-up-and-long-enough" }) },
  "lib/fix-sessions/actions.ts#switchPerson": {
    ...open,
    input: () => ({ token: "made-up-and-long-enough" }),
    last: true,
  },
  "lib/notifications/actions.ts#markRead": {
    ...form(() => ({ shownAt: new Date().toISOString() })),
    named: false,
  },
  "lib/notifications/actions.ts#saveSettings": {
    ...form(() => ({ preference: "none", quietFrom: "01:00", quietTo: "02:00" })),
    named: false,
  },
  "lib/notifications/actions.ts#stopMail": { ...open, input: () => ({ token: "made-up" }) },
};
