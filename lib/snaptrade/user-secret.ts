import "server-only";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { env } from "@/lib/base/env";

const ivBytes = 12;
const tagBytes = 16;

/**
 * Encrypts a SnapTrade user's secret with AES-256-GCM under the first of ENCRYPTION_KEYS.
 * @param boundTo the row that will hold it; sealed text copied to another row does not open
 * @returns `<key id>.<base64 of iv, tag and ciphertext>`
 */
export function sealSecret(secret: string, boundTo: string, [first] = env().ENCRYPTION_KEYS): string {
  if (!first) throw new Error("ENCRYPTION_KEYS holds no key");
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv("aes-256-gcm", first.key, iv).setAAD(Buffer.from(boundTo));
  const sealed = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
  return `${first.id}.${Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString("base64")}`;
}

/**
 * Decrypts the output of sealSecret with whichever key sealed it.
 * @throws Error if the key is unknown, or the text was changed or belongs to another row
 */
export function openSecret(sealed: string, boundTo: string): string {
  const [keyId = "", encoded = ""] = sealed.split(".");
  const found = env().ENCRYPTION_KEYS.find((key) => key.id === keyId);
  if (!found) throw new Error("The key that sealed this secret is not in ENCRYPTION_KEYS");
  const bytes = Buffer.from(encoded, "base64");
  const decipher = createDecipheriv("aes-256-gcm", found.key, bytes.subarray(0, ivBytes))
    .setAAD(Buffer.from(boundTo))
    .setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
  return Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]).toString(
    "utf8",
  );
}

/** Whether a secret is sealed under the first of ENCRYPTION_KEYS, so that it doesn't need the others. */
export function isSealedWithFirstKey(sealed: string): boolean {
  const [first] = env().ENCRYPTION_KEYS;
  return sealed.slice(0, sealed.indexOf(".")) === first?.id;
}
