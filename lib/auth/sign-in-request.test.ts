import { expect, test } from "vitest";
import { testSettings } from "@/lib/testing/unique";
import { returnPath } from "./sign-in-request";

Object.assign(process.env, testSettings);

test.each(["/connections", "/connections/new?brokerage=A-B&beside=yes", "/fix/a_b-c", "/a//b", "/a/./b"])(
  "%s is a page to return to",
  (path) => expect(returnPath(path)).toBe(path),
);

test.each([
  "",
  "connections",
  "https://evil.example/",
  "//evil.example",
  "/\\\\evil.example",
  "/.//evil.example",
  "/x/..//evil.example",
  "/%2E//evil.example",
  "/a/%2e%2e//evil.example",
  "/\t/evil.example",
])("%s leads nowhere after signing in", (path) => expect(returnPath(path)).toBeNull());
