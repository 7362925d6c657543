import "server-only";
import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";

/** The header that carries a request's id, from a trusted proxy to us and from us to the client. */
export const requestIdHeader = "x-request-id";

// The server's startup code and its routes are bundled separately but must share this state.
const held = globalThis as { reconnectRequestId?: AsyncLocalStorage<string> };
const current = () => (held.reconnectRequestId ??= new AsyncLocalStorage<string>());

/** The id of the request or background work that this code runs for; undefined outside of both. */
export const currentRequestId = (): string | undefined => current().getStore();

/** Runs `work`, and everything it starts, under this id, which then appears in each of its log lines. */
export function withRequestId<T>(id: string, work: () => T): T {
  return current().run(id, work);
}

/** Runs background work under a new id of its own, which begins with the kind of work. */
export function withOwnId<T>(kind: "round" | "inbox" | "live", work: () => T): T {
  return withRequestId(`${kind}-${randomUUID()}`, work);
}

/** The id that a trusted proxy gave the request if it is plausible, otherwise a new one. */
export function requestIdOf(given: string | undefined, trusted: boolean): string {
  return trusted && given !== undefined && /^[\w.:-]{8,100}$/.test(given) ? given : randomUUID();
}
