import "server-only";
import { BlockList, isIP } from "node:net";

/** The entry of TRUSTED_PROXIES that says there is no proxy, so every peer is a client. */
const noProxy = "none";

/** True for a valid entry of TRUSTED_PROXIES: an address, a network such as 10.0.0.0/8, or "none". */
export function isProxyEntry(entry: string): boolean {
  if (entry === noProxy) return true;
  const { address, bits } = partsOf(entry);
  const family = isIP(address);
  return (
    family !== 0 &&
    (bits === null || (Number.isInteger(bits) && bits >= 0 && bits <= (family === 4 ? 32 : 128)))
  );
}

/**
 * The address of the client that sent a request: the connection's peer or, behind trusted proxies, the last
 * address in X-Forwarded-For that isn't one of them. Entries that the client added to that header never
 * count.
 * @returns null if it can't be known: the peer is a trusted proxy that names no client, or TRUSTED_PROXIES is
 * empty and the peer looks like a proxy. Limits by address then don't apply, because they would lock out
 * everyone behind that proxy at once.
 */
export function clientAddress(peer: string, forwardedFor: string, trustedProxies: string[]): string | null {
  const trusted = blockListOf(trustedProxies);
  const [sender, ...before] = [...forwardedFor.split(",").map((entry) => entry.trim()), peer]
    .map(plain)
    .reverse();
  if (trustedProxies.length === 0 && (forwardedFor !== "" || isIn(blockListOf(insideNetworks), plain(peer))))
    return null;
  let client = sender ?? "";
  for (const address of before) {
    if (isIP(address) === 0 || !isIn(trusted, client)) break;
    client = address;
  }
  return isIP(client) === 0 || (client === sender && isIn(trusted, client)) ? null : client;
}

/** True if the connection's peer is a trusted proxy, so the headers it sets can be believed. */
export function isTrustedProxy(peer: string, trustedProxies: string[]): boolean {
  return isIn(blockListOf(trustedProxies), plain(peer));
}

/**
 * What a limit by address counts as one client: an IPv4 address, or an IPv6 /64, which belongs to one
 * subscriber. Null for anything else, such as an unknown address.
 */
export function networkOf(address: string | null): string | null {
  const version = isIP(address ?? "");
  if (!address || version === 0) return null;
  if (version === 4) return address;
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::");
  const groups = (text: string | undefined) => (text ? text.split(":") : []);
  const known = [...groups(head), ...groups(tail)].length;
  const all =
    tail === undefined
      ? groups(head)
      : [...groups(head), ...Array<string>(Math.max(0, 8 - known)).fill("0"), ...groups(tail)];
  const four = all.slice(0, 4).map((group) => parseInt(group, 16).toString(16));
  return `${four.join(":")}::/64`;
}

function partsOf(entry: string): { address: string; bits: number | null } {
  const [address = "", bits] = entry.split("/");
  return { address, bits: bits === undefined ? null : /^\d{1,3}$/.test(bits) ? Number(bits) : NaN };
}

/** IPv4-mapped IPv6, as a dual-stack server sees it, counts as IPv4. */
function plain(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

const family = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4");

const isIn = (list: BlockList, address: string) =>
  isIP(address) !== 0 && list.check(address, family(address));

/** Settings are parsed once, so each array of entries needs only one list. */
const built = new WeakMap<string[], BlockList>();

function blockListOf(entries: string[]): BlockList {
  const known = built.get(entries);
  if (known) return known;
  const list = new BlockList();
  built.set(entries, list);
  for (const { address, bits } of entries.filter((entry) => entry !== noProxy).map(partsOf)) {
    if (bits === null) list.addAddress(address, family(address));
    else list.addSubnet(address, bits, family(address));
  }
  return list;
}

/** Networks where proxies usually are, but clients on the Internet aren't. */
const insideNetworks = [
  "127.0.0.0/8",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "169.254.0.0/16",
  "::1",
  "fc00::/7",
  "fe80::/10",
];
