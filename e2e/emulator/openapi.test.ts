import { existsSync, readFileSync } from "node:fs";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { startTestEmulator } from "./testing";

const file = new URL("../../../shared/snaptrade/openapi.yaml", import.meta.url);
const present = existsSync(file);
if (!present) console.warn(`SKIPPED: the answers were not held against SnapTrade's OpenAPI file, as ${file.pathname} is not there.`);

type Node = Record<string, unknown>;
interface Operation {
  responses?: Record<string, { content?: Record<string, { schema?: Node }> }>;
}
interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: Node;
}

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);

/** OpenAPI 3.0 says `nullable`, and means "any of" where an answer fits two loose schemas at once. */
function toJsonSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toJsonSchema);
  if (!isNode(value)) return value;
  const { nullable, oneOf, ...rest } = value;
  const schema: Node = Object.fromEntries(Object.entries(rest).map(([name, inner]) => [name, toJsonSchema(inner)]));
  if (Array.isArray(oneOf)) schema.anyOf = toJsonSchema(oneOf);
  return nullable === true ? { anyOf: [schema, { type: "null" }] } : schema;
}

function createValidator() {
  const { paths, components } = parse(readFileSync(file, "utf8")) as OpenApi;
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats(ajv);
  // The format "url" of the file is looser than the one of the same name in ajv-formats.
  ajv.addFormat("url", (text: string) => URL.canParse(text));
  ajv.addSchema({ $id: "openapi", components: toJsonSchema(components) });

  return (method: string, path: string, status: number, data: unknown): string[] => {
    const schema = paths[path]?.[method]?.responses?.[String(status)]?.content?.["application/json"]?.schema;
    if (!schema) return [`${method} ${path} has no schema for ${status}`];
    const local = JSON.parse(JSON.stringify(toJsonSchema(schema)).replaceAll('"#/components', '"openapi#/components')) as Node;
    const validate = ajv.compile(local);
    validate(data);
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
}

describe.skipIf(!present)("every answer satisfies the official OpenAPI file", async () => {
  if (!present) return;
  const world = await startTestEmulator();
  afterAll(() => world.emulator.close());
  const validate = createValidator();
  const { client } = world;

  const user = await world.newUser();
  const working = { ...user, authorizationId: await world.newConnection(user, "QUESTRADE") };
  const broken = { ...user, authorizationId: await world.newConnection(user, "KRAKEN", { disabled: true }) };
  const absent = { ...user, authorizationId: "00000000-0000-4000-8000-000000000000" };
  const stranger = { ...user, userSecret: "wrong" };
  interface Answer {
    status: number;
    data: unknown;
  }
  type Case = [method: string, path: string, status: number, call: () => Promise<Answer>];

  const authorization = "/authorizations/{authorizationId}";
  const cases: Case[] = [
    ["get", "/", 200, () => client.apiStatus.check()],
    ["post", "/snapTrade/registerUser", 200, () => client.authentication.registerSnapTradeUser({ userId: "new" })],
    ["post", "/snapTrade/registerUser", 400, () => client.authentication.registerSnapTradeUser({ userId: "new" })],
    ["get", "/snapTrade/listUsers", 200, () => client.authentication.listSnapTradeUsers()],
    ["post", "/snapTrade/resetUserSecret", 401, () => client.authentication.resetSnapTradeUserSecret(stranger)],
    ["post", "/snapTrade/login", 200, () => client.authentication.loginSnapTradeUser(user)],
    ["post", "/snapTrade/login", 400, () => client.authentication.loginSnapTradeUser({ ...user, broker: "NONE" })],
    ["get", "/snapTrade/partners", 200, () => client.referenceData.getPartnerInfo()],
    ["get", "/brokerages", 200, () => client.referenceData.listAllBrokerages()],
    ["get", "/brokerageAuthorizationTypes", 200, () => client.referenceData.listAllBrokerageAuthorizationType({})],
    ["get", "/authorizations", 200, () => client.connections.listBrokerageAuthorizations(user)],
    ["get", authorization, 200, () => client.connections.detailBrokerageAuthorization(broken)],
    ["get", `${authorization}/accounts`, 200, () => client.connections.listBrokerageAuthorizationAccounts(working)],
    ["get", `${authorization}/accounts`, 401, () => client.connections.listBrokerageAuthorizationAccounts({ ...working, userSecret: "wrong" })],
    ["get", `${authorization}/accounts`, 404, () => client.connections.listBrokerageAuthorizationAccounts(absent)],
    ["get", "/accounts", 200, () => client.accountInformation.listUserAccounts(user)],
    ["post", `${authorization}/refresh`, 200, () => client.connections.refreshBrokerageAuthorization(working)],
    ["post", `${authorization}/refresh`, 429, () => client.connections.refreshBrokerageAuthorization(working)],
    ["post", `${authorization}/refresh`, 402, () => client.connections.refreshBrokerageAuthorization(broken)],
    ["post", `${authorization}/refresh`, 404, () => client.connections.refreshBrokerageAuthorization(absent)],
    ["post", `${authorization}/transactions/sync`, 200, () => client.connections.syncBrokerageAuthorizationTransactions(working)],
    ["post", `${authorization}/transactions/sync`, 402, () => client.connections.syncBrokerageAuthorizationTransactions(broken)],
    ["post", `${authorization}/disable`, 402, () => client.connections.disableBrokerageAuthorization(broken)],
    ["post", `${authorization}/disable`, 200, () => client.connections.disableBrokerageAuthorization(working)],
    ["delete", "/connection/{connectionId}", 200, () => client.connections.deleteConnection({ ...user, connectionId: broken.authorizationId })],
    ["delete", "/snapTrade/deleteUser", 404, () => client.authentication.deleteSnapTradeUser({ userId: "nobody" })],
    ["post", "/snapTrade/resetUserSecret", 200, () => client.authentication.resetSnapTradeUserSecret(user)],
    ["delete", "/snapTrade/deleteUser", 200, () => client.authentication.deleteSnapTradeUser({ userId: user.userId })],
  ];

  test.each(cases)("%s %s %i", async (method, path, status, call) => {
    const answer = await call();
    expect(answer.status).toBe(status);
    expect(validate(method, path, status, answer.data)).toEqual([]);
  });

  test("and a wrong one would not", () => {
    expect(validate("get", "/accounts", 200, [{ id: "x" }])).not.toEqual([]);
  });
});
