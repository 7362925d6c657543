import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { text } from "node:stream/consumers";
import { Snaptrade, SnaptradeAuth } from "snaptrade-typescript-sdk";
import { type Emulator, startEmulator } from "./server/server";

export type Json = Record<string, unknown>;

export interface TestUser {
  userId: string;
  userSecret: string;
}

/** Lets every status through as an answer, including 429, which the SDK would otherwise retry. */
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

  async function control<Answer = Json>(
    path: string,
    body?: object,
    method = body ? "POST" : "GET",
  ): Promise<Answer> {
    const answer = await fetch(`${emulator.url}/control/api${path}`, {
      method,
      body: body && JSON.stringify(body),
    });
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

/**
 * A browser without JavaScript: follows redirects within the emulator's sites and stops when one leaves them.
 */
export class Visitor {
  html = "";
  status = 0;
  /** Where the portal redirected the visitor to, outside the emulator. */
  left: URL | null = null;
  /** Every site visited, in order. */
  readonly sites: string[] = [];
  private at: URL | null = null;

  async open(url: string, form?: URLSearchParams): Promise<this> {
    const target = this.at ? new URL(url, this.at) : new URL(url);
    if (!isOfEmulator(target)) {
      this.left = target;
      return this;
    }
    if (this.at?.origin !== target.origin) this.sites.push(target.hostname);
    this.at = target;
    const { status, location, html } = await askLocally(target, form);
    if (location) return this.open(location);
    this.status = status;
    this.html = html;
    return this;
  }

  async submit(fields: Record<string, string>): Promise<this> {
    const hidden = [...this.html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const body = new URLSearchParams({
      ...Object.fromEntries(hidden.map(([, name = "", value = ""]) => [name, value])),
      ...fields,
    });
    return this.open(this.find(/<form method="post" action="([^"]+)"/), body);
  }

  /** Follows the link with this text or accessible name. */
  async follow(words: string): Promise<this> {
    const links = [...this.html.matchAll(/<a\b([^>]*)>(.*?)<\/a>/gs)];
    const link = links.find(
      ([all, , inner = ""]) => inner.includes(words) || all.includes(`aria-label="${words}"`),
    );
    const href = /href="([^"]+)"/.exec(link?.[1] ?? "")?.[1];
    if (!href) throw new Error(`No link "${words}" in ${this.html}`);
    return this.open(unescape(href));
  }

  /** What the page posts to the surrounding window. */
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

const isOfEmulator = ({ hostname }: URL) =>
  ["localhost", "127.0.0.1", "brokerage.localhost"].includes(hostname);

/** Node.js doesn't resolve names under localhost, though they all mean this machine. */
async function askLocally(target: URL, form?: URLSearchParams) {
  const headers = { Host: target.host, ...(form && { "Content-Type": "application/x-www-form-urlencoded" }) };
  const place = { host: "127.0.0.1", port: target.port, path: target.pathname + target.search };
  const asked = httpRequest({ ...place, method: form ? "POST" : "GET", headers, agent: false });
  asked.end(form?.toString());
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  const html = await text(answer);
  return { status: answer.statusCode ?? 0, location: answer.headers.location, html };
}

function unescape(html: string): string {
  return html.replaceAll("&amp;", "&").replaceAll("&#39;", "'").replaceAll("&quot;", '"');
}
