import "server-only";
import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** Networks in the middle of public ones that are local, reserved, or translate to other addresses. */
const reserved4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
];
const reserved6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

function listOf(networks: string[], family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    list.addSubnet(address, Number(bits), family);
  }
  return list;
}

const private4 = listOf(reserved4, "ipv4");
/** Every other IPv6 address, mapped and translated IPv4 included, is local or reserved. */
const global6 = listOf(["2000::/3"], "ipv6");
const private6 = listOf(reserved6, "ipv6");

/** True for an address on the Internet; false for any other, and for anything that isn't an address. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !private4.check(address, "ipv4");
  return (
    isIP(address) === 6 &&
    !address.includes("%") &&
    global6.check(address, "ipv6") &&
    !private6.check(address, "ipv6")
  );
}

/** A request would have gone to an address that isn't on the Internet. */
export class PrivateAddress extends Error {
  override name = "PrivateAddress";
}

/**
 * Resolves a name for one connection, and refuses it if any of its addresses isn't public. The socket
 * connects to what this returns, so a name that resolves differently a moment later makes no difference.
 */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = error ? [] : addresses;
    if (!first) callback(error ?? new Error("The name has no address"), "");
    else if (!addresses.every(({ address }) => isPublicAddress(address)))
      callback(new PrivateAddress("The name has a private address"), "");
    else if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};
