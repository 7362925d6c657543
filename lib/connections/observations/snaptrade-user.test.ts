import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import {
  getSnapTradeCredentials,
  requireSnapTradeCredentials,
} from "@/lib/connections/observations/snaptrade-user";
import { withConnecting } from "@/lib/testing/connections";

const { emulator } = withConnecting();
withDatabase();

describe("registering at SnapTrade", () => {
  test("a lost answer leaves nothing half done, and the next attempt succeeds under a new id", async () => {
    const userId = await makeUser({ registered: false });
    await emulator.post("/faults", { endpoint: "register", kind: "reset", after: true, times: 1 });
    await expect(requireSnapTradeCredentials(userId, new Date())).rejects.toMatchObject({ kind: "away" });
    expect(await getSnapTradeCredentials(userId)).toBeNull();
    const credentials = await requireSnapTradeCredentials(userId, new Date());
    expect(await getSnapTradeCredentials(userId)).toEqual(credentials);
  });

  test("the id at SnapTrade is a random UUID, and the row never holds the plain secret", async () => {
    const userId = await makeUser({ registered: false });
    const { snapTradeUserId, userSecret } = await requireSnapTradeCredentials(userId, new Date());
    expect(snapTradeUserId).toMatch(/^[0-9a-f-]{36}$/);
    expect(snapTradeUserId).not.toBe(userId);
    const db = await database();
    const [row] = await db.select().from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
    expect(JSON.stringify(row)).not.toContain(userSecret);
  });

  test("ten simultaneous requests all get the same user", async () => {
    const userId = await makeUser({ registered: false });
    const all = await Promise.all(
      Array.from({ length: 10 }, () => requireSnapTradeCredentials(userId, new Date())),
    );
    expect(new Set(all.map(({ snapTradeUserId }) => snapTradeUserId)).size).toBe(1);
  });
});
