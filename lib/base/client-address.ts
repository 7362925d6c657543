import "server-only";
import { BlockList, isIP } from "node:net";

/** True for a valid entry of TRUSTED_PROXIES: an address, or a network such as 10.0.0.0/8. */
export function isProxyEntry(entry: string): boolean {
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
 */
export function clientAddress(peer: string, forwardedFor: string, trustedProxies: string[]): string {
  const trusted = blockListOf(trustedProxies);
  const chain = [...forwardedFor.split(",").map((entry) => entry.trim()), peer].map(plain);
  let client = chain.pop() ?? "";
  for (let before = chain.pop(); before && isIP(before) !== 0 && isIn(trusted, client); before = chain.pop())
    client = before;
  return client;
}

/** True if the connection's peer is one of the trusted proxies, so that what it says of a request counts. */
export function isTrustedProxy(peer: string, trustedProxies: string[]): boolean {
  return isIn(blockListOf(trustedProxies), plain(peer));
}

/** The network that an address belongs to: /24 for IPv4 and /56 for IPv6, about one household or company. */
export function networkOf(address: string): string {
  const version = isIP(address);
  if (version === 4) return `${address.split(".").slice(0, 3).join(".")}.0/24`;
  if (version !== 6) return "unknown";
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::");
  const groups = (text: string | undefined) => (text ? text.split(":") : []);
  const known = [...groups(head), ...groups(tail)].length;
  const all =
    tail === undefined
      ? groups(head)
      : [...groups(head), ...Array<string>(8 - known).fill("0"), ...groups(tail)];
  const bytes = all.slice(0, 4).map((group) => parseInt(group, 16));
  return `${bytes.map((group, at) => (at === 3 ? group & 0xff00 : group).toString(16)).join(":")}::/56`;
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

/** The settings are parsed once, so their list is built once. */
const built = new WeakMap<string[], BlockList>();

function blockListOf(entries: string[]): BlockList {
  const known = built.get(entries);
  if (known) return known;
  const list = new BlockList();
  built.set(entries, list);
  for (const { address, bits } of entries.map(partsOf)) {
    if (bits === null) list.addAddress(address, family(address));
    else list.addSubnet(address, bits, family(address));
  }
  return list;
}
