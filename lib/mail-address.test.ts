import { expect, test } from "vitest";
import { plainAddress } from "./mail-address";

test.each([
  ["maya@example.com", "maya@example.com"],
  ["Maya.B+reconnect@Example.com", "maya.b+reconnect@example.com"],
  ["o'hara@example.com", "o'hara@example.com"],
  ["maya@bücher.example", "maya@xn--bcher-kva.example"],
])("%s is accepted as %s", (text, address) => {
  expect(plainAddress(text)).toBe(address);
});

test.each([
  "x1,target@example.com",
  "a@example.com,target@example.com",
  "a@example.com;target@example.com",
  "call +1 555 0100 now <target@example.com>",
  "<target@example.com>",
  '"a b"@example.com',
  '"target@example.com, x"@example.org',
  "a@example.com\nBcc: target@example.com",
  "a@example.com\r\n",
  "a b@example.com",
  "a(comment)@example.com",
  "group:target@example.com;",
  "a@b@example.com",
  "a@example.com\u0000",
  "a@localhost",
  "a@[127.0.0.1]",
  "mäya@example.com",
  "a@example.com/",
  "a@example.com?bcc=target@example.com",
  "@example.com",
  "a@",
  "",
  `${"a".repeat(250)}@example.com`,
])("%j is rejected", (text) => {
  expect(plainAddress(text)).toBeNull();
});
