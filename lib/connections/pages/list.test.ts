import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { describe, expect, test, vi } from "vitest";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { withDatabase } from "@/lib/testing/with-database";
import { getConnectionDetail } from "@/lib/connections/pages/detail";
import { listConnectionViews } from "@/lib/connections/pages/list";
import { look } from "@/lib/connections/look/look";
import { requestRemoval } from "@/lib/connections/look/remove";
import { withConnecting } from "@/lib/testing/connections";

const { emulator, moment, makePerson, statusOfAll } = withConnecting();
withDatabase();

test("a page costs two statements, however many connections it shows", async () => {
  const { userId, connect } = await makePerson();
  for (const brokerage of ["QUESTRADE", "KRAKEN", "ROBINHOOD"]) await connect({ brokerage, disabled: true });
  await look(userId);
  // Lifetimes are read once in ten minutes.
  await listConnectionViews(userId, moment());
  const { $client } = (await database()) as unknown as { $client: { query: () => unknown } };
  const statements = vi.spyOn($client, "query");
  const { connections: views } = await listConnectionViews(userId, moment());
  expect(views).toHaveLength(3);
  expect(statements).toHaveBeenCalledTimes(2);
  statements.mockClear();
  await getConnectionDetail(userId, views[0]?.id ?? "", moment());
  expect(statements).toHaveBeenCalledTimes(2);
  statements.mockRestore();
});

describe("a connection on a page", () => {
  test("another person's connection looks exactly like a missing one", async () => {
    const owner = await makePerson();
    const stranger = await makePerson();
    const { id } = await owner.connect();
    await look(owner.userId);
    expect(await getConnectionDetail(stranger.userId, id, moment())).toBeNull();
    expect(await getConnectionDetail(stranger.userId, randomUUID(), moment())).toBeNull();
    await expect(requestRemoval(stranger.userId, id, new Date())).rejects.toMatchObject({
      code: "not-found",
    });
  });

  test("a removal shows as being removed until a look says that the connection is gone", async () => {
    const { userId, path, connect } = await makePerson();
    const { id } = await connect();
    await look(userId);
    await requestRemoval(userId, id, new Date());
    await look(userId);
    expect(await statusOfAll(userId)).toEqual(["removing"]);
    await emulator.post(`${path}/advance`, { seconds: 60 });
    await look(userId);
    expect(await statusOfAll(userId)).toEqual(["removed"]);
  });

  test("a removal that SnapTrade refuses changes nothing", async () => {
    const { userId, path, connect } = await makePerson();
    const { id } = await connect();
    await look(userId);
    await emulator.post(`${path}/faults`, { endpoint: "delete", kind: "status", status: 403, times: 1 });
    await expect(requestRemoval(userId, id, new Date())).rejects.toMatchObject({ code: "snaptrade-refused" });
    const db = await database();
    const [row] = await db.select().from(connections).where(eq(connections.id, id));
    expect(row?.removalRequestedAt).toBeNull();
  });
});
