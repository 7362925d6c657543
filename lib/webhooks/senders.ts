import "server-only";
import { describeError, log } from "@/lib/base/log";
import { take } from "@/lib/limits";
import type { Receipt } from "./inbox";

/** How long one valid signature shows that SnapTrade itself uses an address. */
const knownForMs = 24 * 3_600_000;
const maxRemembered = 10_000;

/** Per address, our clock: until when its deliveries are refused unread, or known to be SnapTrade's. */
const refused = new Map<string, number>();
const known = new Map<string, number>();

/**
 * How many seconds this address has to wait; 0 if its delivery may be read. Asks no database, so that a flood
 * of unsigned deliveries costs neither a query nor a signature check each.
 * @param network null if unknown, which is never refused
 */
export function waitOf(network: string | null, now: Date): number {
  const until = network === null ? undefined : refused.get(network);
  return until === undefined ? 0 : Math.max(0, Math.ceil((until - now.getTime()) / 1_000));
}

/**
 * Counts a delivery whose signature was missing or wrong, for all processes. An address that also sends valid
 * ones is never refused: it is SnapTrade's, and a wrong key is not its fault.
 */
export async function recordSender(network: string | null, receipt: Receipt, now: Date): Promise<void> {
  if (network === null) return;
  if (receipt !== "not-signed") {
    remember(known, network, now.getTime() + knownForMs);
    return;
  }
  if ((known.get(network) ?? 0) > now.getTime()) return;
  try {
    const seconds = await take("rejected webhook by address", network, now);
    if (seconds > 0) remember(refused, network, now.getTime() + seconds * 1_000);
  } catch (error) {
    // The delivery is refused anyway, and the next one is counted again.
    log.warn(describeError(error), "A rejected webhook could not be counted");
  }
}

/** In order of writing, so that the first entry is the one to forget. */
function remember(map: Map<string, number>, network: string, until: number) {
  map.delete(network);
  map.set(network, until);
  const [oldest] = map.keys();
  if (map.size > maxRemembered && oldest !== undefined) map.delete(oldest);
}
