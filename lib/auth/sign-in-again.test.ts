import { randomUUID } from "node:crypto";
import { beforeEach, expect, test, vi } from "vitest";
import { testSettings } from "@/lib/testing/unique";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { authOptions } from "./config";
import { readToken } from "./cookie";
import { readSession, startSession } from "./sessions";

/** This browser's cookies; outside a request, Next's own functions throw. */
const jar = new Map<string, string>();
vi.mock("next/headers", () => ({
  headers: () => Promise.resolve(new Headers()),
  cookies: () => Promise.resolve({ get: (name: string) => jar.has(name) && { name, value: jar.get(name) } }),
}));

Object.assign(process.env, testSettings, { APP_URL: "https://app.example.com" });
withDatabase();
beforeEach(() => jar.clear());

test("signing in ends the session that this browser had, whoever it belonged to", async () => {
  const token = randomUUID();
  await startSession({ token, userId: await makeUser(), device: "", now: new Date() });
  jar.set("__Host-next-auth.session-token", token);
  const { adapter } = await authOptions();
  const userId = await makeUser({ registered: false });
  const session = { sessionToken: randomUUID(), userId, expires: new Date() };
  await adapter?.createSession?.(session);
  expect(await readSession(token, new Date())).toBeNull();
  expect(await readSession(session.sessionToken, new Date())).toMatchObject({ user: { id: userId } });
});

test("over HTTPS, a cookie that a sibling host could plant signs nobody in", async () => {
  for (const name of ["__Secure-next-auth.session-token", "next-auth.session-token"])
    jar.set(name, "planted");
  expect(await readToken()).toBeNull();
});
