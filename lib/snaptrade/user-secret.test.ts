import { expect, test } from "vitest";
import { parseEnv } from "@/lib/base/env";
import { testSettings } from "@/lib/testing/unique";
import { openSecret, sealSecret } from "./user-secret";

const key = (fill: number) => Buffer.alloc(32, fill).toString("base64");
Object.assign(process.env, testSettings, { ENCRYPTION_KEYS: `new:${key(2)},old:${key(1)}` });

test("a sealed secret opens only in its own row", () => {
  const sealed = sealSecret("adf2aa34", "user-1/snap-1");
  expect(openSecret(sealed, "user-1/snap-1")).toBe("adf2aa34");
  expect(() => openSecret(sealed, "user-2/snap-1")).toThrow();
});

test("sealing twice gives different text, always under the first key", () => {
  const [one, other] = [sealSecret("same", "row"), sealSecret("same", "row")];
  expect(one).not.toBe(other);
  expect(one.startsWith("new.")).toBe(true);
  expect(parseEnv(process.env).ENCRYPTION_KEYS).toHaveLength(2);
});

test("a changed byte or an unknown key is rejected", () => {
  const sealed = sealSecret("secret", "row");
  const bytes = Buffer.from(sealed.slice(4), "base64");
  for (let index = 0; index < bytes.length; index++) {
    const changed = Buffer.from(bytes);
    changed[index] = (changed[index] ?? 0) ^ 1;
    expect(() => openSecret(`new.${changed.toString("base64")}`, "row")).toThrow();
  }
  expect(() => openSecret(sealed.replace("new.", "gone."), "row")).toThrow("not in ENCRYPTION_KEYS");
});
