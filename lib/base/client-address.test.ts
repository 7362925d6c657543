import { expect, test } from "vitest";
import { clientAddress, isProxyEntry, networkOf } from "./client-address";

test.each([
  ["203.0.113.7", "", [], "203.0.113.7"],
  ["::ffff:203.0.113.7", "", [], "203.0.113.7"],
  ["203.0.113.7", "198.51.100.1", ["none"], "203.0.113.7"],
  ["10.0.0.7", "", ["none"], "10.0.0.7"],
  ["203.0.113.7", "198.51.100.1", ["10.0.0.1"], "203.0.113.7"],
  ["10.0.0.1", "198.51.100.1", ["10.0.0.1"], "198.51.100.1"],
  ["10.0.0.1", "10.7.7.7", ["10.0.0.1"], "10.7.7.7"],
  ["::ffff:10.0.0.1", "198.51.100.1", ["10.0.0.0/8"], "198.51.100.1"],
  ["10.0.0.1", "192.0.2.66, 198.51.100.1, 10.9.9.9", ["10.0.0.0/8"], "198.51.100.1"],
  ["2001:db8::1", "2001:db8:1::2", ["2001:db8::/64"], "2001:db8:1::2"],
])(
  "a request from %s with X-Forwarded-For “%s”, trusting %j, comes from %s",
  (peer, forwardedFor, trusted, client) => {
    expect(clientAddress(peer, forwardedFor, trusted)).toBe(client);
  },
);

test.each([
  ["a proxy that nobody configured", "10.0.0.1", "", []],
  ["a proxy that nobody configured, and that forwards", "203.0.113.7", "198.51.100.1", []],
  ["a trusted proxy that names nobody", "10.0.0.1", "", ["10.0.0.1"]],
  ["a trusted proxy that names nonsense", "10.0.0.1", "made up", ["10.0.0.1"]],
  ["a socket that is already gone", "", "", []],
])("the client behind %s is unknown, so no limit by address can lock out everyone", (_, ...request) => {
  const [peer, forwardedFor, trusted] = request;
  expect(networkOf(clientAddress(peer, forwardedFor, trusted))).toBeNull();
});

test.each([
  ["203.0.113.7", "203.0.113.7"],
  ["2001:db8:1:2345::1", "2001:db8:1:2345::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:0db8:0001:23ff:a:b:c:d", "2001:db8:1:23ff::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["nonsense", null],
  [null, null],
])("%s is limited as %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test.each([
  ["10.0.0.1", true],
  ["10.0.0.0/8", true],
  ["2001:db8::/32", true],
  ["none", true],
  ["10.0.0.0/33", false],
  ["proxy.example.com", false],
  ["10.0.0.0/", false],
])("%s is a valid trusted proxy: %s", (entry, valid) => {
  expect(isProxyEntry(entry)).toBe(valid);
});
