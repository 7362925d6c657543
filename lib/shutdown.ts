import "server-only";

/** Requests that are still being answered then are cut off; what they left behind is repeated like after a crash. */
const longestMs = 8_000;

// The start of the server and its routes are bundled apart; they must share this.
const held = globalThis as { reconnectShutdown?: { begun: boolean; endings: Set<() => void> } };
const shutdown = () => (held.reconnectShutdown ??= { begun: false, endings: new Set() });

/** True once this process was told to stop. */
export const isShuttingDown = () => shutdown().begun;

/**
 * Calls `end` when this process is told to stop, for what would otherwise go on for long.
 * @returns what takes that back
 */
export function onShutdown(end: () => void): () => void {
  const { endings } = shutdown();
  endings.add(end);
  return () => endings.delete(end);
}

/** From now on SIGTERM and SIGINT end this process within ten seconds; Next itself waits for open requests without end. */
export function listenForShutdown(): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => begin(signal === "SIGTERM" ? 143 : 130));
}

function begin(exitCode: number) {
  const state = shutdown();
  state.begun = true;
  setTimeout(() => process.exit(exitCode), longestMs).unref();
  for (const end of state.endings) end();
  state.endings.clear();
}
