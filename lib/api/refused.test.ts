import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { withApi } from "@/lib/testing/api";
import { testSettings } from "@/lib/testing/unique";
import { withDatabase } from "@/lib/testing/with-database";
import { listApiKeys, revokeApiKey } from "./keys";
import { operations } from "./operations";
import { scopes } from "./scopes";

process.env = { ...testSettings, ...process.env };
withDatabase();
const { ask, makeKey } = withApi();

/** The least that each operation wants, for someone or something that doesn't exist. */
const unknown: Record<string, { query?: string; body?: object; status?: number }> = {
  deleteUser: { query: "?snaptrade_user=keep" },
  // These create what they don't know, or list everyone's.
  putUser: { body: {}, status: 201 },
  addEndpoint: { body: { url: "https://refused.example/events" }, status: 201 },
  listEndpoints: { status: 200 },
  listEvents: { status: 200 },
  listShadowBreaks: { status: 200 },
  getShadowSummary: { status: 200 },
  listConnections: { query: "?user=nobody" },
  createFixSession: { body: { user: "nobody" } },
  createSignInLink: { body: { user: "nobody" } },
  createConnectSession: { body: { user: "nobody" } },
};

describe.each(operations.map((operation) => [operation.name, operation] as const))(
  "%s",
  (name, operation) => {
    const { method, path, scope, body } = operation;
    const { query = "", body: wanted = {}, status = 404 } = unknown[name] ?? {};
    const address = path.replace(/\{\w+\}/g, () => randomUUID()) + query;
    const send = (sent: object = wanted, authorization?: string | null, to = address) =>
      ask(method, to, {
        authorization,
        headers: { "Idempotency-Key": randomUUID() },
        ...(body ? { body: sent } : {}),
      });

    test("needs a key that isn't revoked and has its scope", async () => {
      expect(await send(wanted, null)).toMatchObject({ status: 401 });
      const revoked = await makeKey();
      await revokeApiKey((await listApiKeys())[0]?.id ?? "", new Date());
      expect(await send(wanted, `Bearer ${revoked}`)).toMatchObject({ status: 401 });
      const others = await makeKey(scopes.filter((other) => other !== scope));
      expect(await send(wanted, `Bearer ${others}`)).toMatchObject({ status: 403 });
    });

    test("finds nothing for an unknown id, and refuses what is malformed or too large", async () => {
      expect((await send()).status).toBe(status);
      const odd = path.includes("{") ? path.replace(/\{\w+\}/g, "x%00") + query : `${path}?nonsense=1`;
      expect((await send(wanted, undefined, odd)).status).toBe(422);
      if (!body) return;
      expect((await send({ ...wanted, nonsense: 1 })).status).toBe(422);
      expect((await send({ nonsense: "x".repeat(65_536) })).status).toBe(413);
    });
  },
);

test("every scope is for something", () => {
  expect(scopes.filter((scope) => !operations.some((operation) => operation.scope === scope))).toEqual([]);
});
