import "server-only";

/** Requests still running after this are cut off; their unfinished work is repeated, as after a crash. */
const maxMs = 8_000;

// The server's startup code and its routes are bundled separately but must share this state.
const held = globalThis as { reconnectShutdown?: { begun: boolean; endings: Set<() => void> } };
const shutdown = () => (held.reconnectShutdown ??= { begun: false, endings: new Set() });

/** True once this process has received SIGTERM or SIGINT. */
export const isShuttingDown = () => shutdown().begun;

/**
 * Calls `end` when this process is asked to stop, to cut long-running work short.
 * @returns a function that unregisters it
 */
export function onShutdown(end: () => void): () => void {
  const { endings } = shutdown();
  endings.add(end);
  return () => endings.delete(end);
}

/**
 * Makes SIGTERM and SIGINT end this process within ten seconds; Next alone would wait indefinitely for open
 * requests.
 */
export function listenForShutdown(): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => begin(signal === "SIGTERM" ? 143 : 130));
}

function begin(exitCode: number) {
  const state = shutdown();
  state.begun = true;
  setTimeout(() => process.exit(exitCode), maxMs).unref();
  for (const end of state.endings) end();
  state.endings.clear();
}
