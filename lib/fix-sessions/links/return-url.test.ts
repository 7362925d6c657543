import { expect, test } from "vitest";
import { parseEnv } from "@/lib/base/env";
import { testSettings } from "@/lib/testing/unique";
import { isReturnUrl } from "./return-url";

const targetsOf = (RETURN_URLS: string) =>
  parseEnv({
    ...testSettings,
    SNAPTRADE_CLIENT_ID: "id",
    SNAPTRADE_CONSUMER_KEY: "key",
    SMTP_URL: "smtp://localhost",
    RETURN_URLS,
  }).RETURN_URLS;
const targets = targetsOf(
  "https://app.larch.example,https://larch.example/open,http://localhost:5000, larch://,com.larch.app://fixed",
);

test.each([
  "https://app.larch.example",
  "https://app.larch.example/settings?tab=2#banks",
  "https://larch.example/open",
  "https://larch.example/open/banks",
  "http://localhost:5000/back",
  "larch://anything/at/all",
  "com.larch.app://fixed/now",
])("%s is allowed", (url) => expect(isReturnUrl(url, targets)).toBe(true));

test.each([
  "https://app.larch.example.evil.example/",
  "https://app.larch.example:8443/",
  "http://app.larch.example/",
  "https://app.larch.example@evil.example/",
  "https://user:secret@app.larch.example/",
  "https://evil.example/?https://app.larch.example",
  "https:app.larch.example",
  "https:/app.larch.example",
  "https://larch.example/opened",
  "https://larch.example/open/../admin",
  "https://larch.example/",
  "//app.larch.example/",
  "/connections",
  "",
  "https:\\\\app.larch.example\\",
  "https://app.larch.example\\@evil.example/",
  " https://app.larch.example/",
  "https://app.larch.example/\nx",
  "larch:opaque",
  "larches://x",
  "com.larch.app://other",
  "com.larch.app://fixed@other/",
  "javascript://app.larch.example/%0aalert(1)",
  "javascript:alert(1)",
  "data:text/html,x",
  `https://app.larch.example/${"x".repeat(2_000)}`,
])("%j is refused", (url) => expect(isReturnUrl(url, targets)).toBe(false));

test("a setting that would allow scripts or files stops the start", () => {
  for (const bad of ["javascript://x", "data://x", "file://", "blob://x", "larch", "https://", "https://u@x"])
    expect(() => targetsOf(bad), bad).toThrow("RETURN_URLS");
});
