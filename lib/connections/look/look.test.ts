import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { listCandidates } from "@/lib/reconcile/candidates";
import { listConnectionViews } from "@/lib/connections/pages/list";
import { follow } from "@/lib/live";
import { look, lookIfDue } from "./look";
import { grow, withConnecting } from "@/lib/testing/connections";

const { emulator, moment, makePerson, statusOfAll } = withConnecting();
withDatabase();

describe("look", () => {
  test("pages show what SnapTrade says", async () => {
    const { userId, connect } = await makePerson();
    const brokeAt = new Date(Date.now() - 3 * 86_400_000);
    await connect({
      disabled: true,
      disabledDate: brokeAt.toISOString(),
      accounts: [{ name: "TFSA", number: "51284821" }],
    });
    await connect({ brokerage: "KRAKEN", type: "trade" });
    expect(await look(userId)).toMatchObject({ looked: true });
    const { connections: views, unreachable } = await listConnectionViews(userId, moment());
    expect(unreachable).toBe(false);
    expect(views).toMatchObject([
      {
        brokerage: { name: "Questrade" },
        status: "disabled",
        access: "read",
        accounts: [{ name: "TFSA", lastDigits: "4821" }],
      },
      { brokerage: { name: "Kraken" }, status: "connected", access: "trade" },
    ]);
    expect(views[0]?.disabledAt?.getTime()).toBe(brokeAt.getTime());
  });

  test.each(["reset", "html502", "malformed"])(
    "a look that ends with %s changes no connection",
    async (kind) => {
      const { userId, path, connect } = await makePerson();
      await connect();
      await connect({ brokerage: "KRAKEN", disabled: true });
      await look(userId);
      await emulator.post(`${path}/faults`, { endpoint: "list", kind });
      expect(await look(userId)).toMatchObject({ looked: false });
      expect(await statusOfAll(userId)).toEqual(["unknown-disabled", "unknown-connected"]);
      await emulator.clearFaults(`${path}/faults`);
      await look(userId);
      expect(await statusOfAll(userId)).toEqual(["disabled", "connected"]);
    },
  );

  test("an empty list alone removes no connection; SnapTrade must also deny it by id", async () => {
    const { userId, path, connect } = await makePerson();
    await connect();
    await look(userId);
    await emulator.post(`${path}/faults`, { endpoint: "list", kind: "empty_list" });
    await look(userId);
    expect(await statusOfAll(userId)).toEqual(["connected"]);
  });

  test("a connection that SnapTrade no longer knows is removed, unless it is so new that lists may lag", async () => {
    const { userId, path, connect } = await makePerson();
    const { id } = await connect();
    await look(userId);
    await emulator.post(`${path}/connections/${id}/delete`);
    await look(userId);
    expect(await statusOfAll(userId)).toEqual(["connected"]);
    await grow(userId);
    await look(userId);
    expect(await statusOfAll(userId)).toEqual(["removed"]);
  });

  test("a missing connection that can't be checked by id stays as it was, and the others are still observed", async () => {
    const { userId, path, connect } = await makePerson();
    const missing = await connect();
    const other = await connect({ brokerage: "KRAKEN" });
    await look(userId);
    await grow(userId);
    await emulator.post(`${path}/connections/${missing.id}/delete`);
    await emulator.post(`${path}/connections/${other.id}/break`);
    await emulator.post(`${path}/faults`, {
      endpoint: "detail",
      kind: "status",
      status: 403,
      code: "1066",
      times: 1,
    });
    expect(await look(userId)).toMatchObject({ looked: true });
    expect((await statusOfAll(userId)).sort()).toEqual(["connected", "disabled"]);
  });

  test("an open page looks every minute while something needs reconnecting, otherwise every five", async () => {
    const { userId, path, connect } = await makePerson();
    const { id } = await connect();
    await look(userId);
    const due = async () => (await listConnectionViews(userId, moment())).lookDueAt;
    expect(await due()).toBeNull();
    await emulator.post(`${path}/advance`, { seconds: 5 });
    await emulator.post(`${path}/connections/${id}/break`);
    const now = new Date();
    await look(userId, now);
    expect(await due()).toEqual(new Date(now.getTime() + 60_000));
  });

  test("a person whose first look failed sees unknown connections, not an empty list", async () => {
    const { userId, path, connect } = await makePerson();
    await connect();
    await emulator.post(`${path}/faults`, { endpoint: "list", kind: "html502", times: 1 });
    expect(await listConnectionViews(userId, moment())).toMatchObject({ known: false, unreachable: false });
    await look(userId);
    expect(await listConnectionViews(userId, moment())).toMatchObject({
      known: false,
      unreachable: true,
      connections: [],
    });
    await look(userId, new Date(Date.now() + 61_000));
    expect(await listConnectionViews(userId, moment())).toMatchObject({
      known: true,
      unreachable: false,
      connections: [{}],
    });
  });

  test("simultaneous looks share one read", async () => {
    const { userId, path, connect } = await makePerson();
    await connect();
    const read = async () =>
      (await emulator.get<{ requests: { path: string }[] }>(path)).requests.filter(
        (request) => request.path === "/authorizations",
      ).length;
    const before = await read();
    await Promise.all(Array.from({ length: 8 }, () => look(userId)));
    expect((await read()) - before).toBe(1);
  });

  test("open pages hear of every look that was due, and a failed one is not repeated at once", async () => {
    const { userId, path } = await makePerson();
    const version = async () => (await listConnectionViews(userId, moment())).version;
    const now = Date.now();
    await emulator.post(`${path}/faults`, { endpoint: "list", kind: "reset" });
    const before = await version();
    await lookIfDue(userId, new Date(now));
    const afterFailure = await version();
    expect(afterFailure).toBeGreaterThan(before);
    await lookIfDue(userId, new Date(now + 30_000));
    expect(await version()).toBe(afterFailure);
    await emulator.clearFaults(`${path}/faults`);
    await lookIfDue(userId, new Date(now + 61_000));
    expect(await version()).toBeGreaterThan(afterFailure);
  });

  test("a look that fails after a newer one succeeded changes nothing", async () => {
    const { userId, connect } = await makePerson();
    await connect();
    await look(userId);
    await emulator.post("/faults", { endpoint: "list", kind: "status", status: 503, times: 1 });
    expect(await look(userId, new Date(Date.now() - 10_000))).toMatchObject({ looked: false });
    expect(await statusOfAll(userId)).toEqual(["connected"]);
  });

  test("a slow look never makes a newer look's result seem older", async () => {
    const { userId, connect } = await makePerson();
    await connect();
    const now = new Date();
    await look(userId, now);
    await look(userId, new Date(now.getTime() - 10_000));
    expect((await listConnectionViews(userId, moment())).lookedAt).toEqual(now);
  });

  test("a person whose look throws is shown as unknown, and does not hold up others", async () => {
    const { userId, connect } = await makePerson();
    await connect();
    await look(userId);
    const db = await database();
    const mine = eq(snapTradeUsers.userId, userId);
    await db
      .update(snapTradeUsers)
      .set({ sealedSecret: "lost.AAAA", lookDueAt: new Date(0) })
      .where(mine);
    await expect(look(userId)).rejects.toThrow("ENCRYPTION_KEYS");
    expect(await statusOfAll(userId)).toEqual(["unknown-connected"]);
    const { candidates } = await listCandidates(new Date(), 10, new Date(0));
    expect(candidates.due).not.toContain(userId);
  });

  test("the accounts of a new connection are read at once", async () => {
    const { userId, connect } = await makePerson();
    await connect();
    await look(userId);
    await connect({ brokerage: "KRAKEN", accounts: [{ name: "Spot", number: "KR-70931" }] });
    await look(userId);
    const { connections: views } = await listConnectionViews(userId, moment());
    expect(views.find(({ brokerage }) => brokerage.slug === "KRAKEN")?.accounts).toMatchObject([
      { name: "Spot", lastDigits: "0931" },
    ]);
  });

  test("the timer's look costs one request, however old the accounts are; a person's look reads them again", async () => {
    const { userId, path, connect } = await makePerson();
    await connect();
    await look(userId);
    const asked = async () => {
      const { requests } = await emulator.get<{ requests: { path: string }[] }>(path);
      return requests.filter((request) => request.path === "/accounts").length;
    };
    const before = await asked();
    const later = new Date(Date.now() + 13 * 3_600_000);
    await look(userId, later, "timer");
    expect(await asked()).toBe(before);
    await look(userId, later, "person");
    expect(await asked()).toBe(before + 1);
  });

  test("statuses are shown even when the accounts can't be read", async () => {
    const { userId, path, connect } = await makePerson();
    await connect();
    await emulator.post(`${path}/faults`, {
      endpoint: "accounts",
      kind: "status",
      status: 500,
      code: "3004",
    });
    expect(await look(userId)).toMatchObject({ looked: true });
    expect(await statusOfAll(userId)).toEqual(["connected"]);
  });
});

test("a look that finds a brokerage in maintenance is announced to everyone with a connection there", async () => {
  const [one, other] = [await makePerson(), await makePerson()];
  for (const person of [one, other]) {
    await person.connect({ brokerage: "KRAKEN" });
    await look(person.userId);
  }
  const versions: number[] = [];
  const close = await follow(other.userId, (version) => versions.push(version));
  const [before = 0] = versions;
  await emulator.post("/brokerages/KRAKEN", { maintenance_mode: true });
  await look(one.userId, new Date(), "timer");
  await expect.poll(() => versions.at(-1)).toBeGreaterThan(before);
  close?.();
  await emulator.post("/brokerages/KRAKEN", { maintenance_mode: false });
});
