import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { Snaptrade, SnaptradeAuth } from "snaptrade-typescript-sdk";
import { Control, type SeededConnection } from "./control";
import { exampleSettings, root } from "./ground.mjs";
import type { Servers } from "./people";

/** Makes a key of the API with the command. The embedded database must not be open in an app meanwhile. */
export function makeApiKey(settings: Record<string, string>): string {
  const made = spawnSync("npm", ["run", "--silent", "api-keys", "--", "create", "larch"], {
    cwd: root,
    env: { ...process.env, ...settings },
    encoding: "utf8",
  });
  if (made.status !== 0) throw new Error(`No API key: ${made.stderr}`);
  return made.stdout.trim();
}

/** A person as the company knows them, and as SnapTrade does. */
export interface Customer {
  externalId: string;
  snapTradeUserId: string;
  userSecret: string;
  /** Their connections at SnapTrade. */
  ids: string[];
}

/** A company that has people with SnapTrade users, and a key of Reconnect's API. */
export class Company {
  readonly control: Control;

  constructor(
    private readonly servers: Servers,
    readonly apiKey: string,
  ) {
    this.control = new Control(servers.emulatorUrl);
  }

  /** Registers a person at SnapTrade, as the company did before it had Reconnect. */
  async register(
    externalId: string,
    connections: SeededConnection[],
    snapTradeUserId = `larch-${randomUUID()}`,
  ): Promise<Customer> {
    const settings = exampleSettings() as Record<string, string>;
    const snapTrade = new Snaptrade({
      auth: SnaptradeAuth.commercialApiKey({
        clientId: settings.SNAPTRADE_CLIENT_ID ?? "",
        consumerKey: settings.SNAPTRADE_CONSUMER_KEY ?? "",
      }),
      basePath: this.servers.emulatorUrl,
    });
    const { data } = await snapTrade.authentication.registerSnapTradeUser({ userId: snapTradeUserId });
    const ids: string[] = [];
    for (const connection of connections) {
      const made = await this.control.post<{ id: string }>(
        `/users/${snapTradeUserId}/connections`,
        connection,
      );
      ids.push(made.id);
    }
    return { externalId, snapTradeUserId, userSecret: data.userSecret ?? "", ids };
  }

  /** Hands a person over to Reconnect. @returns false if it refused */
  async adopt({ externalId, snapTradeUserId, userSecret }: Customer, email?: string): Promise<boolean> {
    const answer = await this.ask("PUT", `users/${externalId}`, {
      snaptrade_user_id: snapTradeUserId,
      user_secret: userSecret,
      ...(email ? { email } : {}),
    });
    return answer.ok;
  }

  /** Calls the API. @throws if it refuses */
  async call<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await this.ask(method, path, body);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return JSON.parse(text) as T;
  }

  ask(method: string, path: string, body?: object): Promise<Response> {
    const write = { "Content-Type": "application/json", "Idempotency-Key": randomUUID() };
    return fetch(`${this.servers.appUrl}/api/v1/${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.apiKey}`, ...(method === "GET" ? {} : write) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  }

  /** What SnapTrade has of the person's connections. */
  async connectionsOf({
    snapTradeUserId,
  }: Pick<Customer, "snapTradeUserId">): Promise<{ id: string; disabled: boolean }[]> {
    const user = await this.control.get<{ connections: { id: string; disabled: boolean }[] }>(
      `/users/${snapTradeUserId}`,
    );
    return user.connections;
  }
}
