import "server-only";
import { createHash, randomBytes } from "node:crypto";
import { and, desc, eq, isNull, lt, or } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { apiKeys } from "@/lib/db/schema/api";
import type { Scope } from "./scopes";

/** Lets people and secret scanners recognize a key; lib/base/redact.ts knows it too. */
const prefix = "reconnect_";
const form = new RegExp(`^Bearer ${prefix}[\\w-]{43}$`, "i");
/** The use of a key is recorded at most this often. */
const writeUseMs = 5 * 60_000;

export interface ApiKey {
  id: string;
  scopes: string[];
}

const hashOf = (key: string) => createHash("sha256").update(key).digest("hex");

/**
 * Makes a key of 256 random bits. Only its hash is stored, so this is the only time that anyone sees it.
 * @returns the key
 */
export async function createApiKey(name: string, scopes: readonly Scope[], now: Date): Promise<string> {
  const key = prefix + randomBytes(32).toString("base64url");
  const db = await database();
  await db.insert(apiKeys).values({ name, scopes: [...scopes], secretHash: hashOf(key), createdAt: now });
  return key;
}

/** Every key that was ever made, newest first. */
export async function listApiKeys() {
  const db = await database();
  const { id, name, scopes, createdAt, lastUsedAt, revokedAt } = apiKeys;
  return db
    .select({ id, name, scopes, createdAt, lastUsedAt, revokedAt })
    .from(apiKeys)
    .orderBy(desc(createdAt));
}

/**
 * Ends a key for good: no request that arrives afterwards is let in by it.
 * @returns false if there is no such key, or it was revoked before
 */
export async function revokeApiKey(id: string, now: Date): Promise<boolean> {
  const db = await database();
  const revoked = await db
    .update(apiKeys)
    .set({ revokedAt: now })
    .where(and(eq(apiKeys.id, id), isNull(apiKeys.revokedAt)))
    .returning({ id: apiKeys.id });
  return revoked.length > 0;
}

/**
 * The key in an Authorization header; null if it is missing, malformed, unknown, or revoked. What doesn't have
 * a key's form costs no query.
 */
export async function readApiKey(authorization: string | null, now: Date): Promise<ApiKey | null> {
  if (!authorization || !form.test(authorization)) return null;
  const db = await database();
  const [found] = await db
    .select({ id: apiKeys.id, scopes: apiKeys.scopes, lastUsedAt: apiKeys.lastUsedAt })
    .from(apiKeys)
    .where(
      and(eq(apiKeys.secretHash, hashOf(authorization.slice("Bearer ".length))), isNull(apiKeys.revokedAt)),
    );
  if (!found) return null;
  const due = new Date(now.getTime() - writeUseMs);
  if (!found.lastUsedAt || found.lastUsedAt < due)
    await db
      .update(apiKeys)
      .set({ lastUsedAt: now })
      .where(and(eq(apiKeys.id, found.id), or(isNull(apiKeys.lastUsedAt), lt(apiKeys.lastUsedAt, due))));
  return { id: found.id, scopes: found.scopes };
}
