import { randomUUID } from "node:crypto";
import { expect, test, vi } from "vitest";
import { clientAddressHeader } from "@/lib/server/gate";
import { take } from "@/lib/limits";
import { testSettings } from "@/lib/testing/unique";
import { withDatabase } from "@/lib/testing/with-database";
import { GET } from "./route";

let userId = "";
vi.mock("@/lib/auth/user", () => ({
  getCaller: () =>
    Promise.resolve({
      sessionId: randomUUID(),
      user: { id: userId, email: null },
      within: null,
      expiresAt: null,
    }),
}));
Object.assign(process.env, testSettings);
withDatabase();

test("what one person is refused takes nothing from the others at their address", async () => {
  userId = randomUUID();
  const now = new Date();
  for (let count = 0; count < 60; count++) await take("live stream by person", userId, now);
  const network = "203.0.113.77";
  for (let count = 0; count < 299; count++) await take("live stream by address", network, now);
  vi.setSystemTime(now);
  const ask = () =>
    GET(new Request("https://app.example.com/api/live", { headers: { [clientAddressHeader]: network } }));
  for (let count = 0; count < 5; count++) expect((await ask()).status).toBe(429);
  vi.useRealTimers();
  expect(await take("live stream by address", network, now)).toBe(0);
});
