import "server-only";
import { describeError, log } from "@/lib/base/log";
import { take } from "@/lib/limits";
import type { Receipt } from "./inbox";

/** For how long after a valid signature we consider an address to be SnapTrade's. */
const knownForMs = 24 * 3_600_000;
const maxRemembered = 10_000;

/** By address, on our clock: until when its deliveries are refused unread, or known to be SnapTrade's. */
const refused = new Map<string, number>();
const known = new Map<string, number>();

/**
 * How many seconds this address has to wait; 0 if its delivery may be read. Needs no database, so that a
 * flood of unsigned deliveries costs no queries or signature checks.
 * @param network null if unknown, and then never refused
 */
export function waitOf(network: string | null, now: Date): number {
  const until = network === null ? undefined : refused.get(network);
  return until === undefined ? 0 : Math.max(0, Math.ceil((until - now.getTime()) / 1_000));
}

/**
 * Counts a delivery whose signature was missing or wrong, for all processes together. An address that also
 * sends valid ones isn't refused: it is SnapTrade's, and a wrong key isn't its fault.
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
    // This delivery is refused anyway, and the next one will be counted.
    log.warn(describeError(error), "A rejected webhook could not be counted");
  }
}

/** Keeps entries in the order they were written, so that the first one is the one to forget. */
function remember(map: Map<string, number>, network: string, until: number) {
  map.delete(network);
  map.set(network, until);
  const [oldest] = map.keys();
  if (map.size > maxRemembered && oldest !== undefined) map.delete(oldest);
}
