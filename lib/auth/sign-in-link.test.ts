import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { beforeEach, describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { verificationTokens } from "@/lib/db/schema/auth";
import { users } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { signInMails } from "@/lib/db/schema/work";
import { testSettings } from "@/lib/testing/unique";
import { createSignInLink, dropSignInLink, isSignInLink } from "./sign-in-link";

Object.assign(process.env, testSettings);
withDatabase();

const now = new Date("2026-11-20T12:00:00Z");
const later = (seconds: number) => new Date(now.getTime() + seconds * 1_000);
const network = (number: number) => `203.0.${number}.0/24`;
const someone = () => `${randomUUID()}@example.com`;

async function makeAccount(): Promise<string> {
  const email = someone();
  await (await database()).insert(users).values({ email });
  return email;
}

async function countRows() {
  const db = await database();
  return { tokens: await db.$count(verificationTokens), mails: await db.$count(signInMails) };
}

/** Records e-mails requested from this network, one per second. */
async function fillNetwork(mails = 30) {
  const db = await database();
  await db
    .insert(signInMails)
    .values(
      Array.from({ length: mails }, (_, mail) => ({ network: network(1), requestedAt: later(mail - mails) })),
    );
}

beforeEach(async () => {
  const db = await database();
  await db.delete(signInMails);
  await db.delete(verificationTokens);
});

describe("a network", () => {
  const ask = (at: Date) =>
    Promise.all(
      Array.from({ length: 60 }, () => createSignInLink({ email: someone(), network: network(1), now: at })),
    );

  test("may request at most ten e-mails in ten seconds and thirty a minute, however many requests are concurrent", async () => {
    expect((await ask(now)).filter(Boolean)).toHaveLength(10);
    expect(await countRows()).toEqual({ tokens: 10, mails: 10 });
    for (const seconds of [11, 22, 33, 44]) await ask(later(seconds));
    expect(await countRows()).toEqual({ tokens: 30, mails: 30 });
  });

  test("leaves room for other networks, however many e-mails it requests at once", async () => {
    await ask(now);
    expect(await createSignInLink({ email: someone(), network: network(2), now })).not.toBeNull();
  });

  test("may request at most two hundred an hour", async () => {
    await fillNetwork(199);
    expect(await createSignInLink({ email: someone(), network: network(1), now: later(120) })).not.toBeNull();
    expect(await createSignInLink({ email: someone(), network: network(1), now: later(121) })).toBeNull();
  });

  test("does not count toward another network's limit", async () => {
    await fillNetwork();
    expect(await createSignInLink({ email: someone(), network: network(1), now: later(15) })).toBeNull();
    expect(await createSignInLink({ email: someone(), network: network(2), now: later(15) })).not.toBeNull();
  });
});

test("all networks together get at most thirty e-mails in ten seconds", async () => {
  const made = [];
  for (let number = 0; number < 60; number++)
    made.push(
      await createSignInLink({ email: someone(), network: network(number), now: later(number * 0.1) }),
    );
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
    expect(await createSignInLink({ email, network: network(1), now: later(15) })).toMatchObject({
      beyondLimits: true,
    });
    expect(await createSignInLink({ email, network: network(1), now: later(16) })).toBeNull();
    expect(await createSignInLink({ email: someone(), network: network(1), now: later(17) })).toBeNull();
  });
});

test("a refused request stores nothing, and expired links are removed", async () => {
  await fillNetwork();
  const before = await countRows();
  for (let request = 0; request < 20; request++)
    await createSignInLink({ email: someone(), network: network(1), now: later(15) });
  expect(await countRows()).toEqual(before);
  await createSignInLink({ email: someone(), network: network(2), now: later(2 * 3_600) });
  expect(await countRows()).toEqual({ tokens: 1, mails: 1 });
});

test("a link is valid only for its own address, and only for fifteen minutes", async () => {
  const email = someone();
  const made = await createSignInLink({ email, network: network(1), now });
  const token = made?.token ?? "";
  expect(await isSignInLink({ token, email, now: later(899) })).toBe(true);
  expect(await isSignInLink({ token, email: someone(), now })).toBe(false);
  expect(await isSignInLink({ token: "made up", email, now })).toBe(false);
  expect(await isSignInLink({ token, email, now: later(901) })).toBe(false);
  const stored = await (
    await database()
  )
    .select()
    .from(verificationTokens)
    .where(eq(verificationTokens.identifier, email));
  expect(JSON.stringify(stored)).not.toContain(token);
});
