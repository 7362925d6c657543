import "server-only";
import { backgroundPerMinute, roomForBackground } from "@/lib/budget";

/** The passing of time, so that it can be simulated. */
export interface Time {
  clock: () => Date;
  sleep: (ms: number) => Promise<void>;
}

const slotMs = 5_000;
/** The background's part that an import leaves to the timer's rounds, however long it takes. */
const importShare = 2 / 3;

/**
 * Spreads reads evenly within two thirds of the background's share of the rate limit, and waits while people
 * need the rest.
 * @returns a function that waits until one more read may be made
 */
export function createPace({ clock, sleep }: Time): () => Promise<void> {
  let [left, slotBeganAt] = [0, 0];
  let refilling: Promise<void> | undefined;
  async function refill() {
    const wait = slotBeganAt + slotMs - clock().getTime();
    // A wait beyond one slot comes from a clock that was set back.
    if (wait > 0) await sleep(Math.min(wait, slotMs));
    slotBeganAt = clock().getTime();
    const perSlot = Math.floor(((await backgroundPerMinute()) * importShare * slotMs) / 60_000);
    left = Math.min(Math.max(1, perSlot), await roomForBackground());
  }
  return async () => {
    while (left < 1) await (refilling ??= refill().finally(() => (refilling = undefined)));
    left -= 1;
  };
}
