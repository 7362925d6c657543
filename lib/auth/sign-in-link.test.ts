import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { beforeEach, describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { verificationTokens } from "@/lib/db/schema/auth";
import { users } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { rateLimits } from "@/lib/db/schema/work";
import { testSettings } from "@/lib/testing/unique";
import { createSignInLink, dropSignInLink, isSignInLink } from "./sign-in-link";

Object.assign(process.env, testSettings);
withDatabase();

const now = new Date("2026-11-20T12:00:00Z");
const later = (seconds: number) => new Date(now.getTime() + seconds * 1_000);
const network = (number: number) => `203.0.113.${number}`;
const someone = () => `${randomUUID()}@example.com`;

async function makeAccount(): Promise<string> {
  const email = someone();
  await (await database()).insert(users).values({ email });
  return email;
}

const countLinks = async () => (await database()).$count(verificationTokens);

/** Uses up this network's limit. */
async function fillNetwork() {
  for (let mail = 0; mail < 15; mail++)
    await createSignInLink({ email: someone(), network: network(1), now });
}

beforeEach(async () => {
  const db = await database();
  await db.delete(rateLimits);
  await db.delete(verificationTokens);
});

describe("a network", () => {
  const ask = (at: Date) =>
    Promise.all(
      Array.from({ length: 60 }, () => createSignInLink({ email: someone(), network: network(1), now: at })),
    );

  test("may request fifteen e-mails at once and four a minute, however many requests are concurrent", async () => {
    expect((await ask(now)).filter(Boolean)).toHaveLength(15);
    expect(await countLinks()).toBe(15);
    for (const seconds of [15, 30, 45, 60]) await ask(later(seconds));
    expect(await countLinks()).toBe(19);
  });

  test("leaves room for other networks, however many e-mails it requests at once", async () => {
    await ask(now);
    expect(await createSignInLink({ email: someone(), network: network(2), now })).not.toBeNull();
  });

  test("that is unknown has no limit of its own, so nobody is refused because of others behind a proxy", async () => {
    const made = await Promise.all(
      Array.from({ length: 20 }, () => createSignInLink({ email: someone(), network: null, now })),
    );
    expect(made.filter(Boolean)).toHaveLength(20);
  });

  test("does not count toward another network's limit", async () => {
    await fillNetwork();
    expect(await createSignInLink({ email: someone(), network: network(1), now })).toBeNull();
    expect(await createSignInLink({ email: someone(), network: network(2), now })).not.toBeNull();
  });
});

test("all networks together get at most thirty e-mails in ten seconds", async () => {
  const made = [];
  for (let number = 0; number < 60; number++)
    made.push(await createSignInLink({ email: someone(), network: network(number), now }));
  expect(made.filter(Boolean)).toHaveLength(30);
  expect(await createSignInLink({ email: someone(), network: network(201), now: later(14) })).not.toBeNull();
});

describe("the owner of an address", () => {
  test("is refused only while five valid links wait in their mailbox", async () => {
    const email = someone();
    const tokens: string[] = [];
    for (let request = 0; request < 12; request++) {
      const made = await createSignInLink({ email, network: network(request), now: later(request) });
      if (made) tokens.push(made.token);
    }
    expect(tokens).toHaveLength(5);
    for (const token of tokens) expect(await isSignInLink({ token, email, now: later(60) })).toBe(true);
    await dropSignInLink(tokens[0] ?? "");
    expect(await createSignInLink({ email, network: network(99), now: later(61) })).not.toBeNull();
  });

  test("gets a link even when their network or the overall limit is exhausted, but strangers do not", async () => {
    const email = await makeAccount();
    await fillNetwork();
    expect(await createSignInLink({ email, network: network(1), now })).toMatchObject({
      beyondLimits: true,
    });
    expect(await createSignInLink({ email, network: network(1), now })).toBeNull();
    expect(await createSignInLink({ email: someone(), network: network(1), now })).toBeNull();
  });
});

test("a refused request stores nothing, and expired links are removed", async () => {
  await fillNetwork();
  const before = await countLinks();
  for (let request = 0; request < 20; request++)
    await createSignInLink({ email: someone(), network: network(1), now });
  expect(await countLinks()).toBe(before);
  await createSignInLink({ email: someone(), network: network(2), now: later(2 * 3_600) });
  expect(await countLinks()).toBe(1);
});

test("a link is valid only for its own address, and only for ten minutes", async () => {
  const email = someone();
  const made = await createSignInLink({ email, network: network(1), now });
  const token = made?.token ?? "";
  expect(await isSignInLink({ token, email, now: later(599) })).toBe(true);
  expect(await isSignInLink({ token, email: someone(), now })).toBe(false);
  expect(await isSignInLink({ token: "made up", email, now })).toBe(false);
  expect(await isSignInLink({ token, email, now: later(601) })).toBe(false);
  const stored = await (
    await database()
  )
    .select()
    .from(verificationTokens)
    .where(eq(verificationTokens.identifier, email));
  expect(JSON.stringify(stored)).not.toContain(token);
});
