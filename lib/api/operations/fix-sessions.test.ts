import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { operations } from "@/lib/api/operations";
import { database } from "@/lib/db/client";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { users } from "@/lib/db/schema/users";
import { findLink } from "@/lib/fix-sessions/links/find";
import { withApi } from "@/lib/testing/api";
import { makeOwner } from "@/lib/testing/notifications";
import { withDatabase } from "@/lib/testing/with-database";

withDatabase();
const { ask } = withApi(operations);

test("a fix session is made once for each Idempotency-Key, and can be asked for", async () => {
  const { userId, ids, report } = await makeOwner();
  await report(0, "disabled", 0);
  const [connectionId] = ids;
  const user = `customer-${randomUUID()}`;
  const db = await database();
  await db.update(users).set({ externalId: user }).where(eq(users.id, userId));
  const headers = { "Idempotency-Key": randomUUID() };
  const make = (body: object, more = headers) => ask("POST", "/fix-sessions", { headers: more, body });
  const first = await make({ user, connection: connectionId, expires_in: 3_600 });
  expect(first.status).toBe(201);
  const made = first.json as unknown as { id: string; url: string };
  expect((await make({ user, connection: connectionId, expires_in: 3_600 })).json).toEqual(made);
  expect(await db.$count(fixSessions, eq(fixSessions.userId, userId))).toBe(1);
  expect(await findLink(made.url.split("/").at(-1) ?? "", new Date())).toMatchObject({ id: made.id });
  expect((await ask("GET", `/fix-sessions/${made.id}`)).json).toMatchObject({
    user,
    connection: connectionId,
    status: "pending",
    outcome: null,
  });
  const refused = async (body: object) => (await make(body, { "Idempotency-Key": randomUUID() })).status;
  const elsewhere = await make(
    { user, return_url: "https://evil.example/" },
    { "Idempotency-Key": randomUUID() },
  );
  expect(elsewhere).toMatchObject({ status: 422, json: { code: "invalid-request" } });
  expect(elsewhere.json).toHaveProperty("detail", "RETURN_URLS doesn’t allow this return_url.");
  const unknown = await make({ user: "nobody" }, { "Idempotency-Key": randomUUID() });
  expect(unknown).toMatchObject({
    status: 404,
    json: { code: "not-found", detail: "No person here has this external id." },
  });
  expect(await refused({ user, expires_in: 30 * 86_400 + 1 })).toBe(422);
  expect((await ask("GET", `/fix-sessions/${randomUUID()}`)).status).toBe(404);
});
