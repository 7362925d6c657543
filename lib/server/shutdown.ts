import "server-only";

/**
 * Requests still running after this are cut off; whatever they left unfinished is repeated, as after a crash.
 */
const maxMs = 8_000;

// The server's startup code and its routes are bundled separately but must share this.
const held = globalThis as { reconnectShutdown?: { begun: boolean; endings: Set<() => void> } };
const shutdown = () => (held.reconnectShutdown ??= { begun: false, endings: new Set() });

/** True once this process has been told to stop. */
export const isShuttingDown = () => shutdown().begun;

/**
 * Calls `end` when this process is told to stop, for work that would otherwise run for long.
 * @returns a function that unregisters it
 */
export function onShutdown(end: () => void): () => void {
  const { endings } = shutdown();
  endings.add(end);
  return () => endings.delete(end);
}

/**
 * From now on SIGTERM and SIGINT end this process within ten seconds; Next itself would wait for open
 * requests indefinitely.
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
