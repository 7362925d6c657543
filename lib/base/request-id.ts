import "server-only";
import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";

/** The header with a request's id, both from a trusted proxy to us and from us to the client. */
export const requestIdHeader = "x-request-id";

// The server's startup code and its routes are bundled separately but must share this state.
const held = globalThis as { reconnectRequestId?: AsyncLocalStorage<string> };
const current = () => (held.reconnectRequestId ??= new AsyncLocalStorage<string>());

/** The id of the request or background work in progress; undefined outside both. */
export const currentRequestId = (): string | undefined => current().getStore();

/** Runs `work` and everything it starts under this id, which appears in all of their log lines. */
export function withRequestId<T>(id: string, work: () => T): T {
  return current().run(id, work);
}

/** Runs background work under a new id that starts with the kind of work. */
export function withOwnId<T>(kind: "round" | "inbox" | "live", work: () => T): T {
  return withRequestId(`${kind}-${randomUUID()}`, work);
}

/** The id from a trusted proxy, if it is plausible; otherwise a new one. */
export function requestIdOf(given: string | undefined, trusted: boolean): string {
  return trusted && given !== undefined && /^[\w.:-]{8,100}$/.test(given) ? given : randomUUID();
}
