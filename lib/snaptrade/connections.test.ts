import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { withDatabase } from "@/lib/testing/with-database";
import {
  isConnectionGone,
  listAccounts,
  listBrokerages,
  listConnections,
  listOAuthBrokerages,
} from "./connections";
import { withAnswers } from "@/lib/testing/snaptrade";

const snapTrade = withAnswers();
withDatabase();

const person = { snapTradeUserId: "person", userSecret: "secret" };
const id = "87b24961-b51e-4db8-9226-f198f6518a89";
/** The specification's own example: a UUID in format only. */
const idOfNoVersion = "0b3ebefb-ed47-43df-cd8f-729a4420b5cf";

const brokerage = {
  id: "c8153291-0761-43a8-8ed0-4642103c2cb8",
  slug: "QUESTRADE",
  name: "Questrade",
  display_name: "Questrade",
};
const good = {
  id,
  created_date: "2026-08-20T21:56:19.123935+00:00",
  brokerage,
  name: "Connection-1",
  type: "trade",
  disabled: false,
};
const account = { id, brokerage_authorization: idOfNoVersion, name: "TFSA", number: "51284821" };

async function listed(...sent: unknown[]) {
  snapTrade.answerJson(sent);
  return (await listConnections(person)).data;
}

describe("a list of connections", () => {
  test("ids of any UUID version are accepted and lowercased", async () => {
    const { items, unreadable } = await listed({
      ...good,
      id: idOfNoVersion.toUpperCase(),
      brokerage: { ...brokerage, id: idOfNoVersion },
    });
    expect(items).toMatchObject([{ id: idOfNoVersion, brokerage: { id: idOfNoVersion } }]);
    expect(unreadable).toEqual([]);
  });

  test.each([
    ["an unknown type", { type: "paper" }, { access: "read" }],
    ["a type in another case", { type: "TRADE" }, { access: "trade" }],
    ["an odd type", { type: 7 }, { access: "read" }],
    ["an empty created_date", { created_date: "" }, { connectedSince: null }],
    [
      "a created_date that is not in any calendar",
      { created_date: "0000-01-01T00:00:00Z" },
      { connectedSince: null },
    ],
    [
      "a created_date out of any database's range",
      { created_date: "+275000-01-01T00:00:00Z" },
      { connectedSince: null },
    ],
    [
      "an odd disabled_date",
      { disabled: true, disabled_date: "yesterday" },
      { disabled: true, disabledAt: null },
    ],
    [
      "a null slug",
      { brokerage: { ...brokerage, slug: null } },
      { brokerage: { slug: brokerage.id.toUpperCase(), name: "Questrade" } },
    ],
    ["no names at all", { brokerage: { id: brokerage.id } }, { brokerage: { name: "Unnamed brokerage" } }],
    [
      "an empty display_name",
      { brokerage: { ...brokerage, display_name: "" } },
      { brokerage: { name: "Questrade" } },
    ],
    [
      "a name that no database can store",
      { brokerage: { ...brokerage, display_name: "Quest\0rade \ud800" } },
      { brokerage: { name: "Questrade" } },
    ],
    [
      "odd flags",
      { brokerage: { ...brokerage, enabled: "yes", maintenance_mode: null } },
      { brokerage: { enabled: true, maintenance: false } },
    ],
    ["no brokerage", { brokerage: null }, { brokerage: null, disabled: false }],
    [
      "members that are unknown to us",
      { data_freshness_mode: { institution: "realtime" }, more: [1] },
      { id },
    ],
  ])("%s does not make the item unreadable", async (_, odd, seen) => {
    expect(await listed({ ...good, ...odd })).toMatchObject({ items: [seen], unreadable: [] });
  });

  test.each([
    ["without disabled, which is never guessed", { ...good, disabled: undefined }, { id }],
    ["with a disabled that is not a boolean", { ...good, disabled: "false" }, { id }],
    ["whose id is not a UUID", { ...good, id: "connection-1" }, { id: null }],
    ["that is null", null, { id: null }],
    ["that is a list", [good], { id: null }],
  ])("an item %s is reported, and affects no other", async (_, odd, reported) => {
    const other = { ...good, id: idOfNoVersion };
    expect(await listed(odd, other)).toMatchObject({
      items: [{ id: idOfNoVersion }],
      unreadable: [reported],
    });
  });

  test("a duplicate item counts once, or not at all if the two contradict each other", async () => {
    expect(await listed(good, good)).toMatchObject({ items: [{ id }], unreadable: [] });
    expect(await listed(good, { ...good, disabled: true }, good)).toMatchObject({
      items: [],
      unreadable: [{ id }],
    });
  });

  test("an answer that is not a list is rejected as a whole", async () => {
    snapTrade.answerJson({ detail: "something else" });
    await expect(listConnections(person)).rejects.toMatchObject({ kind: "unexpected-answer" });
  });

  test("whatever else the list holds, a good item is read", async () => {
    const nearly = fc.record({
      id: fc.uuid(),
      disabled: fc.jsonValue(),
      brokerage: fc.jsonValue(),
      type: fc.jsonValue(),
      created_date: fc.jsonValue(),
    });
    const items = fc.array(fc.oneof(fc.jsonValue(), nearly), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(items, items, async (before, after) => {
        const { items, unreadable } = await listed(...before, good, ...after);
        expect(items).toContainEqual(expect.objectContaining({ id, access: "trade", disabled: false }));
        expect(items.length + unreadable.length).toBeLessThanOrEqual(before.length + 1 + after.length);
      }),
      { numRuns: 60 },
    );
  });
});

test("an unreadable account affects no other", async () => {
  snapTrade.answerJson([
    { ...account, name: null, sync_status: 1 },
    { ...account, brokerage_authorization: null, id: brokerage.id },
    "odd",
  ]);
  const { data } = await listAccounts(person);
  const readable = {
    id,
    connectionId: idOfNoVersion,
    institutionAccountId: null,
    name: "Account",
    lastDigits: "4821",
    holdingsAt: null,
  };
  expect(data.items).toEqual([readable]);
  expect(data.unreadable).toEqual([{ id: brokerage.id }, { id: null }]);
});

test("an unreadable brokerage affects no other, and concurrent callers share one answer", async () => {
  snapTrade.answerJson([brokerage, { ...brokerage, id: 3 }, null]);
  const answers = await Promise.all([listBrokerages(), listBrokerages()]);
  for (const { data } of answers)
    expect(data).toMatchObject({ items: [{ slug: "QUESTRADE" }], unreadable: [{ id: null }, { id: null }] });
  expect(snapTrade.paths).toEqual(["/brokerages"]);
});

test("an unreadable authorization type affects no other", async () => {
  snapTrade.answerJson([
    { auth_type: "OAUTH", brokerage: { slug: "SCHWAB" } },
    { auth_type: "OAUTH", brokerage: null },
    4,
    { auth_type: 4, brokerage },
  ]);
  expect(await listOAuthBrokerages()).toEqual(new Set(["SCHWAB"]));
});

test("a connection is gone if SnapTrade says so; a bare 404 from something in between is not evidence", async () => {
  snapTrade.answerJson({ detail: "Not found", status_code: 404, code: "1011" }, {}, 404);
  expect(await isConnectionGone(person, id)).toBe(true);
  snapTrade.answer((_, response) =>
    response.writeHead(404, { "Content-Type": "text/html" }).end("<h1>404</h1>"),
  );
  expect(await isConnectionGone(person, id)).toBe(false);
});
