// The server's startup code and its routes are bundled separately but must share this.
const held = globalThis as { reconnectDeliver?: () => void };

/** Sets what delivers in this process; undefined leaves it to the timer's rounds. */
export function setDeliver(deliver: (() => void) | undefined): void {
  held.reconnectDeliver = deliver;
}

/** Lets this process deliver waiting events soon, if it does that itself. */
export function deliverSoon(): void {
  held.reconnectDeliver?.();
}
