import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { makeApiKey, type Company } from "../../support/company";

/** What Larch keeps between runs of the demonstration. */
interface Credentials {
  apiKey: string;
  endpoint: { id: string; url: string; secret: string } | null;
}

/**
 * Reads Larch's credentials, or makes its API key the first time. The embedded database must not be open in
 * the app yet.
 */
export async function readCredentials(file: string, settings: Record<string, string>): Promise<Credentials> {
  if (existsSync(file)) return JSON.parse(await readFile(file, "utf8")) as Credentials;
  const made = { apiKey: makeApiKey(settings), endpoint: null };
  await writeFile(file, JSON.stringify(made), { mode: 0o600 });
  return made;
}

/** Makes Reconnect send events to Larch, once. @returns what they are signed with */
export async function addEndpoint(
  file: string,
  credentials: Credentials,
  company: Company,
  url: string,
): Promise<string> {
  const { apiKey, endpoint } = credentials;
  if (endpoint?.url === url) return endpoint.secret;
  if (endpoint) await company.ask("DELETE", `endpoints/${endpoint.id}`);
  const made = await company.call<{ id: string; secret: string }>("POST", "endpoints", { url });
  const kept = { apiKey, endpoint: { id: made.id, url, secret: made.secret } };
  await writeFile(file, JSON.stringify(kept), { mode: 0o600 });
  return made.secret;
}
