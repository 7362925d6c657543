import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { createApiKey } from "@/lib/api/keys";
import { newSessionToken } from "@/lib/auth/browser-session";
import { createHandOff } from "@/lib/auth/hand-off/link";
import { createSignInLink } from "@/lib/auth/sign-in-link";
import { database } from "@/lib/db/client";
import { makeSecret } from "@/lib/events/sign";
import { makeLink } from "@/lib/fix-sessions/links/make";
import { redeemLink } from "@/lib/fix-sessions/links/sign-in";
import { unsubscribeToken } from "@/lib/notifications/links";
import { testSettings } from "@/lib/testing/unique";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { createLog } from "./log";

Object.assign(process.env, testSettings, { LOG_LEVEL: "debug" });
withDatabase();

const now = new Date("2026-11-20T12:00:00Z");
let userId = "";
beforeAll(async () => {
  userId = await makeUser({ registered: false });
});

async function fixLink() {
  const expiresAt = new Date(now.getTime() + 60_000);
  const session = {
    userId,
    origin: "api",
    kind: "connect",
    signsIn: true,
    createdAt: now,
    expiresAt,
  } as const;
  return (await makeLink(await database(), session)).url;
}
const lastPart = (url: string) => url.split("/").at(-1) ?? "";

/** Every secret that we make, by the file that makes it. */
const makers: Record<string, () => string | Promise<string>> = {
  "lib/api/keys.ts": () => createApiKey("tests", [], now),
  "lib/events/sign.ts": () => makeSecret(userId).secret,
  "lib/auth/browser-session.ts": newSessionToken,
  "lib/auth/hand-off/link.ts": async () =>
    new URL((await createHandOff({ userId, returnTo: "/", now })).url).searchParams.get("token") ?? "",
  "lib/auth/sign-in-link.ts": async () =>
    (await createSignInLink({ email: "maya@example.com", network: null, now }))?.token ?? "",
  "lib/fix-sessions/links/make.ts": async () => lastPart(await fixLink()),
  "lib/fix-sessions/links/sign-in.ts": async () =>
    (await redeemLink(lastPart(await fixLink()), "", now))?.token ?? "",
  "lib/notifications/links.ts": () => unsubscribeToken(userId).split(".").at(-1) ?? "",
};

/** Nonces, the ids of traces, and what a sealed secret starts with. */
const noSecrets = ["lib/server/html-page.ts", "lib/server/open-telemetry.ts", "lib/snaptrade/user-secret.ts"];

test("every file that makes a random secret is listed here", () => {
  const files = readdirSync("lib", { recursive: true, encoding: "utf8" })
    .map((file) => path.join("lib", file))
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !file.startsWith("lib/testing/"));
  const random = files.filter((file) => readFileSync(file, "utf8").includes("randomBytes("));
  expect(random.sort()).toEqual(
    [...Object.keys(makers), ...noSecrets].filter((file) => file !== "lib/notifications/links.ts").sort(),
  );
});

test.each(Object.keys(makers))("what %s makes never reaches the log, wherever it appears", async (file) => {
  const made: string[] = [];
  for (let time = 0; time < 4; time++) made.push((await makers[file]?.()) ?? "");
  for (const secret of made) {
    expect(secret.length).toBeGreaterThanOrEqual(32);
    const lines: string[] = [];
    const log = createLog({ write: (line: string) => void lines.push(line) });
    log.warn(
      { place: secret, places: [secret], at: `/x/${secret}/y`, [secret]: 1 },
      `Said ${secret}, and more`,
    );
    expect(lines).toHaveLength(1);
    expect(lines.join()).toContain("[redacted]");
    expect(lines.join()).not.toContain(secret);
  }
});

test("a proxy's request id stays, although it looks like a token, and so do ids", () => {
  const lines: string[] = [];
  const log = createLog({ write: (line: string) => void lines.push(line) });
  const requestId = "4bf92f3577b34da6a3ce929d0e0e4736";
  log.info({ requestId, userId }, "one");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ requestId, userId });
});
