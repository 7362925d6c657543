import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { apiRequests } from "@/lib/db/schema/api";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { openSecret } from "@/lib/snaptrade/user-secret";
import { withApi } from "@/lib/testing/api";
import { testSettings } from "@/lib/testing/unique";
import { makeConnections } from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { claimRequest, storeAnswer } from "./idempotency";
import { operations } from "./operations";

Object.assign(process.env, testSettings);
withDatabase();
const { ask } = withApi();

/** Every stored answer as only we can read it. */
async function storedAnswers() {
  const rows = await (await database()).select().from(apiRequests);
  return rows.flatMap(({ id, sealedAnswer }) =>
    sealedAnswer === null ? [] : [openSecret(sealedAnswer, id)],
  );
}

/** Each write that names a person and stores what it answers. */
const writes: Record<string, (user: string) => [method: string, path: string, body?: object]> = {
  putUser: (user) => ["PUT", `/users/${user}`, { email: `${user}@example.com` }],
  createFixSession: (user) => ["POST", "/fix-sessions", { user }],
  createConnectSession: (user) => ["POST", "/connect-sessions", { user }],
  createSignInLink: (user) => ["POST", "/sign-in-links", { user }],
};

test("every write that names a person and stores an answer is tested here", () => {
  const naming = operations.filter(
    ({ method, path, scope }) =>
      method !== "GET" && (path.includes("{externalId}") || !scope.startsWith("endpoints")),
  );
  const names = naming
    .map(({ name }) => name)
    .filter((name) => name !== "deleteUser" && name !== "checkUser");
  expect(names.sort()).toEqual(Object.keys(writes).sort());
});

test("the stored answers about a person are deleted with them, and a deletion can still be repeated", async () => {
  const db = await database();
  const user = randomUUID();
  const { userId } = await makeConnections(1, new Date());
  await db.update(users).set({ externalId: user }).where(eq(users.id, userId));
  await db
    .update(connections)
    .set({ state: "disabled", disabledAt: new Date() })
    .where(eq(connections.userId, userId));
  const send = (name: string, key = randomUUID()) => {
    const [method, path, body] = writes[name]?.(user) ?? ["", ""];
    return ask(method, path, { body, headers: { "Idempotency-Key": key } });
  };
  for (const name of Object.keys(writes)) expect((await send(name)).status, name).toBeLessThan(300);
  expect(await storedAnswers()).toHaveLength(Object.keys(writes).length);
  expect((await storedAnswers()).join("\n")).toContain(`${user}@example.com`);

  // Their SnapTrade user is gone, so nothing has to be waited for.
  await db.delete(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
  const headers = { "Idempotency-Key": randomUUID() };
  const forget = () => ask("DELETE", `/users/${user}?snaptrade_user=delete`, { headers });
  expect((await forget()).status).toBe(204);
  expect(await storedAnswers()).toEqual([""]);
  expect((await forget()).headers.get("Idempotency-Replayed")).toBe("true");
});

test("an answer about a person who was deleted in the meantime isn't stored", async () => {
  const db = await database();
  const user = randomUUID();
  await ask("PUT", `/users/${user}`, { body: {} });
  const [key] = await db.query.apiKeys.findMany();
  const claim = await claimRequest(key?.id ?? "", randomUUID(), [], new Date());
  await db.delete(users).where(eq(users.externalId, user));
  const before = await storedAnswers();
  await storeAnswer(claim.state === "first" ? claim.requestId : "", { status: 200, body: user }, user);
  expect(await storedAnswers()).toEqual(before);
});
