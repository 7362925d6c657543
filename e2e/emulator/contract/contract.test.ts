import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { z } from "zod";
import { type Operation, operations, webhookBody } from "./contract";
import { compareWithOfficial } from "./official-description";
import { startTestEmulator, type TestUser, Visitor } from "../testing";
import type { Delivery } from "../world/model";

let world: Awaited<ReturnType<typeof startTestEmulator>>;
let user: TestUser;
let working: TestUser & { authorizationId: string };
let broken: TestUser & { authorizationId: string };
beforeAll(async () => {
  world = await startTestEmulator();
  user = await world.newUser();
  working = { ...user, authorizationId: await world.newConnection(user, "QUESTRADE") };
  broken = { ...user, authorizationId: await world.newConnection(user, "KRAKEN", { disabled: true }) };
});
afterAll(() => world.emulator.close());

interface Answer {
  status: number;
  data: unknown;
}
type Case = [method: Operation["method"], path: string, status: number, call: () => Promise<Answer>];

const unknownId = "00000000-0000-4000-8000-000000000000";
const absent = () => ({ ...user, authorizationId: unknownId });
const stranger = () => ({ ...working, userSecret: "wrong" });
const connections = () => world.client.connections;
const authentication = () => world.client.authentication;
const authorization = "/authorizations/{authorizationId}";

/** Ordered so that each call finds what it needs; the last ones delete it. */
const cases: Case[] = [
  ["get", "/", 200, () => world.client.apiStatus.check()],
  ["post", "/snapTrade/registerUser", 200, () => authentication().registerSnapTradeUser({ userId: "new" })],
  ["post", "/snapTrade/registerUser", 400, () => authentication().registerSnapTradeUser({ userId: "new" })],
  ["get", "/snapTrade/listUsers", 200, () => authentication().listSnapTradeUsers()],
  [
    "post",
    "/snapTrade/resetUserSecret",
    401,
    () => authentication().resetSnapTradeUserSecret({ ...user, userSecret: "wrong" }),
  ],
  ["post", "/snapTrade/login", 200, () => authentication().loginSnapTradeUser(user)],
  ["post", "/snapTrade/login", 400, () => authentication().loginSnapTradeUser({ ...user, broker: "NONE" })],
  ["get", "/snapTrade/partners", 200, () => world.client.referenceData.getPartnerInfo()],
  ["get", "/brokerages", 200, () => world.client.referenceData.listAllBrokerages()],
  [
    "get",
    "/brokerageAuthorizationTypes",
    200,
    () => world.client.referenceData.listAllBrokerageAuthorizationType({}),
  ],
  ["get", "/authorizations", 200, () => connections().listBrokerageAuthorizations(user)],
  [
    "get",
    "/authorizations",
    401,
    () => connections().listBrokerageAuthorizations({ ...user, userSecret: "wrong" }),
  ],
  ["get", "/authorizations", 429, () => limited(() => connections().listBrokerageAuthorizations(user))],
  ["get", authorization, 200, () => connections().detailBrokerageAuthorization(broken)],
  [
    "get",
    authorization,
    200,
    () => freshnessAsObject(() => connections().detailBrokerageAuthorization(working)),
  ],
  ["get", authorization, 404, () => connections().detailBrokerageAuthorization(absent())],
  ["get", `${authorization}/accounts`, 200, () => connections().listBrokerageAuthorizationAccounts(working)],
  [
    "get",
    `${authorization}/accounts`,
    401,
    () => connections().listBrokerageAuthorizationAccounts(stranger()),
  ],
  ["get", `${authorization}/accounts`, 404, () => connections().listBrokerageAuthorizationAccounts(absent())],
  ["get", "/accounts", 200, () => world.client.accountInformation.listUserAccounts(user)],
  [
    "get",
    "/accounts/{accountId}",
    200,
    async () =>
      world.client.accountInformation.getUserAccountDetails({ ...user, accountId: await anyAccount() }),
  ],
  [
    "get",
    "/accounts/{accountId}",
    404,
    () => world.client.accountInformation.getUserAccountDetails({ ...user, accountId: unknownId }),
  ],
  ["post", `${authorization}/refresh`, 200, () => connections().refreshBrokerageAuthorization(working)],
  ["post", `${authorization}/refresh`, 429, () => connections().refreshBrokerageAuthorization(working)],
  ["post", `${authorization}/refresh`, 402, () => connections().refreshBrokerageAuthorization(broken)],
  ["post", `${authorization}/refresh`, 404, () => connections().refreshBrokerageAuthorization(absent())],
  [
    "post",
    `${authorization}/transactions/sync`,
    200,
    () => connections().syncBrokerageAuthorizationTransactions(working),
  ],
  [
    "post",
    `${authorization}/transactions/sync`,
    402,
    () => connections().syncBrokerageAuthorizationTransactions(broken),
  ],
  ["post", `${authorization}/disable`, 402, () => connections().disableBrokerageAuthorization(broken)],
  ["post", `${authorization}/disable`, 200, () => connections().disableBrokerageAuthorization(working)],
  [
    "delete",
    "/connection/{connectionId}",
    200,
    () => connections().deleteConnection({ ...user, connectionId: broken.authorizationId }),
  ],
  [
    "delete",
    "/connection/{connectionId}",
    404,
    () => connections().deleteConnection({ ...user, connectionId: unknownId }),
  ],
  ["delete", authorization, 204, () => connections().removeBrokerageAuthorization(working)],
  ["delete", authorization, 404, () => connections().removeBrokerageAuthorization(working)],
  ["delete", "/snapTrade/deleteUser", 404, () => authentication().deleteSnapTradeUser({ userId: "nobody" })],
  ["post", "/snapTrade/resetUserSecret", 200, () => authentication().resetSnapTradeUserSecret(user)],
  [
    "delete",
    "/snapTrade/deleteUser",
    200,
    () => authentication().deleteSnapTradeUser({ userId: user.userId }),
  ],
];

async function limited(call: () => Promise<Answer>) {
  await world.control(`/users/${user.userId}/faults`, { endpoint: "list", kind: "rate_limited", times: 1 });
  return call();
}

async function freshnessAsObject(call: () => Promise<Answer>) {
  await world.control(`/users/${user.userId}/settings`, { dataFreshness: "object" });
  const answer = await call();
  await world.control(`/users/${user.userId}/settings`, { dataFreshness: "string" });
  return answer;
}

async function anyAccount() {
  const { data } = await world.client.accountInformation.listUserAccounts(user);
  return data[0]?.id ?? "";
}

function answerOf(method: string, path: string, status: number): z.ZodType {
  const answer = operations.find((one) => one.method === method && one.path === path)?.answers[status];
  if (!answer) throw new Error(`The table has no response ${status} to ${method} ${path}`);
  return answer;
}

const problems = (schema: z.ZodType, data: unknown) =>
  schema.safeParse(data).error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];

describe("every answer of the emulator matches the table", () => {
  test.each(cases)("%s %s %i", async (method, path, status, call) => {
    const answer = await call();
    expect(answer.status).toBe(status);
    expect(problems(answerOf(method, path, status), answer.data)).toEqual([]);
  });

  test("every entry in the table is exercised", () => {
    const tried = new Set(cases.map(([method, path, status]) => `${method} ${path} ${status}`));
    const listed = operations.flatMap(({ method, path, answers }) =>
      Object.keys(answers).map((status) => `${method} ${path} ${status}`),
    );
    expect(listed.filter((one) => !tried.has(one))).toEqual([]);
  });

  test("extra and missing members are reported at any depth", async () => {
    const other = await world.newUser();
    await world.newConnection(other, "KRAKEN");
    const { data } = await world.client.connections.listBrokerageAuthorizations(other);
    const list = answerOf("get", "/authorizations", 200);
    const [item] = data;
    expect(problems(list, data)).toEqual([]);
    expect(problems(list, [{ ...item, reason: "expired" }])).toHaveLength(1);
    expect(problems(list, [{ ...item, brokerage: { ...item?.brokerage, colour: "red" } }])).toHaveLength(1);
    expect(problems(list, [{ ...item, disabled: undefined }])).toHaveLength(1);
    expect(problems(list, [{ ...item, created_date: null }])).toHaveLength(1);
  });
});

test("every webhook matches the table, and every webhook in the table is sent", async () => {
  const own = await startTestEmulator();
  // Nothing listens at this address; attempts are recorded anyway.
  await own.control("/webhooks", { url: "http://127.0.0.1:9/" });
  await own.control("/settings", { webhookRetries: 0 });
  const person = await own.newUser();
  const id = await own.newConnection(person, "VANGUARD", { disabled: true });
  const portal = await new Visitor().open(await own.loginLink(person, { reconnect: id }));
  await portal.submit({ login: "wrong-password" });
  await portal.follow("Try again");
  await portal.submit({ login: "good" });
  const again = await new Visitor().open(await own.loginLink(person, { reconnect: id }));
  await again.submit({ login: "good" });
  await own.client.connections.refreshBrokerageAuthorization({ ...person, authorizationId: id });
  await own.client.connections.syncBrokerageAuthorizationTransactions({ ...person, authorizationId: id });
  await own.client.connections.deleteConnection({ ...person, connectionId: id });
  await own.client.authentication.deleteSnapTradeUser({ userId: person.userId });
  await own.control(`/users/${person.userId}/advance`, { seconds: 4 });

  const bodies = async () =>
    (await own.control<Delivery[]>("/deliveries")).flatMap(({ attempts }) =>
      attempts.map(({ body }) => body),
    );
  const types = webhookBody.options.map((option) => option.shape.eventType.value);
  const sentTypes = async () =>
    new Set((await bodies()).map((body) => (JSON.parse(body) as { eventType: string }).eventType));
  await expect.poll(async () => [...(await sentTypes())].sort()).toEqual([...types].sort());
  for (const body of await bodies()) expect(problems(webhookBody, JSON.parse(body))).toEqual([]);
  await own.emulator.close();
});

const official = process.env.SNAPTRADE_OPENAPI;
if (official) {
  test("the table agrees with SnapTrade's own description", () => {
    expect(compareWithOfficial(operations, readFileSync(official, "utf8"))).toEqual([]);
  });
}

test("a description that differs is reported", () => {
  const answer =
    "{ type: object, required: [nonce], properties: { online: { type: string, nullable: true }, timestamp: { type: string } } }";
  const description = `paths: { "/": { get: { responses: { "200": { content: { "application/json": { schema: ${answer} } } } } } } }`;
  const status = operations.filter(({ path }) => path === "/" || path === "/snapTrade/listUsers");
  expect(compareWithOfficial(status, description)).toEqual([
    "get / 200.nonce is required there",
    "get / 200.version is not described",
    "get / 200.online may be null there",
    "get / 200.online is string there",
    "get /snapTrade/listUsers is not described",
  ]);
});
