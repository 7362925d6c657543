import { randomUUID } from "node:crypto";
import { eq, or } from "drizzle-orm";
import { expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { users } from "@/lib/db/schema/users";
import { testSettings } from "@/lib/testing/unique";
import { withDatabase } from "@/lib/testing/with-database";
import { admitPerson } from "./person";
import { externalIdOf, verifiedAddressOf } from "./provider";

Object.assign(process.env, testSettings);
withDatabase();

const now = new Date("2026-11-20T12:00:00Z");
const someone = () => ({ externalId: randomUUID(), email: `${randomUUID()}@example.com` });

async function store(values: typeof users.$inferInsert): Promise<string> {
  const [made] = await (await database()).insert(users).values(values).returning({ id: users.id });
  return made?.id ?? "";
}

async function find(externalId: string, email: string) {
  const { id, externalId: known, email: address } = users;
  return (await database())
    .select({ id, externalId: known, email: address })
    .from(users)
    .where(or(eq(users.externalId, externalId), eq(users.email, email)));
}

test("someone new gets an account with their id and, if it is verified, their address", async () => {
  const [one, other] = [someone(), { ...someone(), email: null }];
  expect(await admitPerson(one, now)).toBe(true);
  expect(await admitPerson(one, now)).toBe(true);
  expect(await find(one.externalId, one.email)).toMatchObject([one]);
  expect(await admitPerson(other, now)).toBe(true);
  expect(await find(other.externalId, "")).toMatchObject([other]);
});

test("a verified address links to the account that has it, once and for all", async () => {
  const { externalId, email } = someone();
  const id = await store({ email });
  expect(await admitPerson({ externalId, email }, now)).toBe(true);
  expect(await find(externalId, email)).toEqual([{ id, externalId, email }]);
  const other = someone().externalId;
  expect(await admitPerson({ externalId: other, email }, now)).toBe(true);
  expect(await find(other, email)).toEqual(
    expect.arrayContaining([
      { id, externalId, email },
      { id: expect.any(String) as string, externalId: other, email: null },
    ]),
  );
});

test("an address that isn't verified links nothing and is not stored", async () => {
  const { externalId, email } = someone();
  const id = await store({ email });
  for (const verified of [false, "true", 1, undefined])
    expect(verifiedAddressOf({ email, email_verified: verified })).toBeNull();
  expect(await admitPerson({ externalId, email: null }, now)).toBe(true);
  expect(await find("", email)).toEqual([{ id, externalId: null, email }]);
});

test("what the provider says later overwrites nothing: neither an address nor its absence", async () => {
  const { externalId, email } = someone();
  const id = await store({ externalId });
  expect(await admitPerson({ externalId, email }, now)).toBe(true);
  expect(await find(externalId, email)).toEqual([{ id, externalId, email: null }]);
});

test("nobody signs in to an account that is being deleted, by id or by address", async () => {
  const { externalId, email } = someone();
  await store({ externalId, deletionRequestedAt: now });
  await store({ email, deletionRequestedAt: now });
  expect(await admitPerson({ externalId, email: null }, now)).toBe(false);
  expect(await admitPerson({ externalId: randomUUID(), email }, now)).toBe(false);
  expect(await find(externalId, email)).toHaveLength(2);
});

test("people who sign in at once for the first time get one account each, and an address goes to one", async () => {
  const { email } = someone();
  await store({ email });
  const ids = [randomUUID(), randomUUID(), randomUUID()];
  const admitted = await Promise.all(
    [...ids, ...ids, ...ids].map((externalId) => admitPerson({ externalId, email }, now)),
  );
  expect(admitted.every(Boolean)).toBe(true);
  const found = (await Promise.all(ids.map((id) => find(id, "")))).flat();
  expect(found).toHaveLength(3);
  expect(found.filter((person) => person.email === email)).toHaveLength(1);
});

test.each([
  ["missing", undefined],
  ["empty", ""],
  ["a number", 42],
  ["a list", ["a"]],
  ["too long", "x".repeat(256)],
  ["not printable", "a\u0000b"],
])("a claim that is %s is nobody's id", (_, sub) => {
  expect(externalIdOf({ sub })).toBeNull();
});

test("any other text is an id, byte by byte", () => {
  for (const sub of ["auth0|1", "Ü b/ü", "x".repeat(255)]) expect(externalIdOf({ sub })).toBe(sub);
});
