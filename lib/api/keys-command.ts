import { parseArgs } from "node:util";
import nextEnv from "@next/env";
import { SettingsError } from "@/lib/base/env";
import { DatabaseError } from "@/lib/db/errors";
import { createApiKey, listApiKeys, revokeApiKey } from "./keys";
import { scopes, type Scope } from "./scopes";

// The command behind `npm run api-keys -- create|list|revoke`, with the app's settings.
const usage = `Usage:
  npm run api-keys -- create <name> [--scopes ${scopes.join(",")}]
  npm run api-keys -- list
  npm run api-keys -- revoke <id>`;

nextEnv.loadEnvConfig(process.cwd());
try {
  process.exit((await run(process.argv.slice(2))) ? 0 : 1);
} catch (error) {
  const known = error instanceof DatabaseError || error instanceof SettingsError;
  console.error(known ? error.message : `That didn't work; the database may be unreachable.\n${usage}`);
  process.exit(1);
}

async function run(args: string[]): Promise<boolean> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { scopes: { type: "string" } },
  });
  const [verb, subject] = positionals;
  if (verb === "create" && subject) return create(subject, values.scopes);
  if (verb === "list") return list();
  if (verb === "revoke" && subject) return revoke(subject);
  console.error(usage);
  return false;
}

async function create(name: string, wanted: string | undefined): Promise<boolean> {
  const given = wanted?.split(",").map((scope) => scope.trim()) ?? scopes;
  const unknown = given.filter((scope) => !isScope(scope));
  if (unknown.length > 0 || name.length > 100) {
    console.error(unknown.length > 0 ? `There is no scope ${unknown.join(", ")}.\n${usage}` : usage);
    return false;
  }
  const key = await createApiKey(name, given.filter(isScope), new Date());
  console.error("This is the only time the key is shown. Whoever has it can use it until it is revoked.");
  console.log(key);
  return true;
}

function isScope(text: string): text is Scope {
  return scopes.some((scope) => scope === text);
}

async function list(): Promise<boolean> {
  const keys = await listApiKeys();
  for (const { id, name, scopes, createdAt, lastUsedAt, revokedAt } of keys) {
    const used = lastUsedAt ? `last used ${lastUsedAt.toISOString()}` : "never used";
    const state = revokedAt ? `revoked ${revokedAt.toISOString()}` : used;
    console.log([id, name, `made ${createdAt.toISOString()}`, state, scopes.join(",")].join("  "));
  }
  if (keys.length === 0) console.log("There are no keys yet.");
  return true;
}

async function revoke(id: string): Promise<boolean> {
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
  const revoked = isId && (await revokeApiKey(id, new Date()));
  console.log(revoked ? "Revoked." : "No valid key has this id; `list` shows all keys.");
  return revoked;
}
