import { Snaptrade, SnaptradeAuth } from "snaptrade-typescript-sdk";
import { type Emulator, startEmulator } from "./server";

type Json = Record<string, unknown>;

export interface TestUser {
  userId: string;
  userSecret: string;
}

/** Errors are answers here: every status is let through, also 429, which the SDK would repeat by itself. */
export function createClient(emulator: Pick<Emulator, "url" | "clientId" | "consumerKey">) {
  const { url, clientId, consumerKey } = emulator;
  return new Snaptrade({
    auth: SnaptradeAuth.commercialApiKey({ clientId, consumerKey }),
    basePath: url,
    baseOptions: { timeout: 3000, validateStatus: () => true },
  });
}

export async function startTestEmulator() {
  const emulator = await startEmulator();
  const client = createClient(emulator);
  let made = 0;

  async function control<Answer = Json>(path: string, body?: object, method = body ? "POST" : "GET"): Promise<Answer> {
    const answer = await fetch(`${emulator.url}/control/api${path}`, { method, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as Answer;
  }

  async function newUser(): Promise<TestUser> {
    const userId = `user-${++made}`;
    const { data } = await client.authentication.registerSnapTradeUser({ userId });
    return { userId, userSecret: data.userSecret ?? "" };
  }

  async function newConnection(user: TestUser, brokerage: string, more: Json = {}): Promise<string> {
    const { id } = await control<{ id: string }>(`/users/${user.userId}/connections`, { brokerage, ...more });
    return id;
  }

  async function detail(user: TestUser, authorizationId: string): Promise<Json> {
    const { data } = await client.connections.detailBrokerageAuthorization({ ...user, authorizationId });
    return { ...data };
  }

  async function loginLink(user: TestUser, wanted: Json = {}): Promise<string> {
    const { data } = await client.authentication.loginSnapTradeUser({ ...user, ...wanted });
    if (!("redirectURI" in data) || !data.redirectURI) throw new Error(`No link: ${JSON.stringify(data)}`);
    return data.redirectURI;
  }

  async function eventTypes(user: TestUser): Promise<string[]> {
    const events = await control<{ eventType: string }[]>(`/events?userId=${user.userId}`);
    return events.map(({ eventType }) => eventType);
  }

  return { emulator, client, control, newUser, newConnection, detail, loginLink, eventTypes };
}

/** A browser without scripts: follows redirects within the emulator, stops at the first one that leaves it. */
export class Visitor {
  html = "";
  status = 0;
  /** Where the portal has sent the visitor away to. */
  left: URL | null = null;
  private at: URL;

  constructor(private origin: string) {
    this.at = new URL(origin);
  }

  async open(url: string, init: RequestInit = {}): Promise<this> {
    const target = new URL(url, this.at);
    if (target.origin !== this.origin) {
      this.left = target;
      return this;
    }
    this.at = target;
    const answer = await fetch(target, { ...init, redirect: "manual" });
    const location = answer.headers.get("Location");
    if (location) return this.open(location);
    this.status = answer.status;
    this.html = await answer.text();
    return this;
  }

  async submit(fields: Record<string, string>): Promise<this> {
    const hidden = [...this.html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const body = new URLSearchParams({ ...Object.fromEntries(hidden.map(([, name = "", value = ""]) => [name, value])), ...fields });
    return this.open(this.find(/<form method="post" action="([^"]+)"/), { method: "POST", body });
  }

  /** Follows the link with these words or this accessible name. */
  async follow(words: string): Promise<this> {
    const links = [...this.html.matchAll(/<a\b([^>]*)>(.*?)<\/a>/gs)];
    const link = links.find(([all, , inner = ""]) => inner.includes(words) || all.includes(`aria-label="${words}"`));
    const href = /href="([^"]+)"/.exec(link?.[1] ?? "")?.[1];
    if (!href) throw new Error(`No link "${words}" in ${this.html}`);
    return this.open(unescape(href));
  }

  /** What the page posts to the window around it. */
  messages(): unknown[] {
    const facts = this.find(/<script type="application\/json" id="facts">(.*?)<\/script>/s, false);
    const parsed = JSON.parse(facts) as { messages: unknown[] };
    return parsed.messages;
  }

  private find(pattern: RegExp, escaped = true): string {
    const found = pattern.exec(this.html)?.[1];
    if (found === undefined) throw new Error(`${pattern} is not in ${this.html}`);
    return escaped ? unescape(found) : found;
  }
}

function unescape(text: string): string {
  return text.replaceAll("&amp;", "&").replaceAll("&#39;", "'").replaceAll("&quot;", '"');
}
