import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { readHandOff } from "@/lib/auth/hand-off/link";
import { database } from "@/lib/db/client";
import { users } from "@/lib/db/schema/users";
import { withApi } from "@/lib/testing/api";
import { withDatabase } from "@/lib/testing/with-database";

withDatabase();
const { ask } = withApi();

const post = (body: object, key: string = randomUUID()) =>
  ask("POST", "/sign-in-links", { body, headers: { "Idempotency-Key": key } });

test("a company's server gets an address that signs its person in, also one without an e-mail address", async () => {
  const externalId = `C/${randomUUID()}`;
  await (await database()).insert(users).values({ externalId });
  const key = randomUUID();
  const { status, json } = await post({ user: externalId, return_to: "/connections?page=2" }, key);
  expect(status).toBe(201);
  const token = new URL(String(json?.url)).searchParams.get("token") ?? "";
  expect(await readHandOff(token, new Date())).toMatchObject({
    externalId,
    email: null,
    returnTo: "/connections?page=2",
  });
  expect((await post({ user: externalId, return_to: "/connections?page=2" }, key)).json).toEqual(json);
});

test("an unknown person and a place outside the app are refused", async () => {
  const externalId = randomUUID();
  await (await database()).insert(users).values({ externalId });
  expect((await post({ user: randomUUID() })).status).toBe(404);
  for (const return_to of ["https://evil.example/", "//evil.example/"])
    expect(await post({ user: externalId, return_to })).toMatchObject({
      status: 422,
      json: {
        errors: [{ at: "body.return_to", detail: expect.stringContaining("path within the app") as string }],
      },
    });
});
