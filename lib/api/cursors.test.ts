import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { requestForgetting } from "@/lib/account/delete";
import { database, transaction } from "@/lib/db/client";
import { events } from "@/lib/db/schema/events";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { recordEvents } from "@/lib/events/record";
import { withApi } from "@/lib/testing/api";
import { testSettings } from "@/lib/testing/unique";
import { makeConnections } from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";

Object.assign(process.env, testSettings);
withDatabase();
const { ask, describe: description } = withApi();

/** A person with a connection, and with an event about it. */
async function makePerson() {
  const { userId, ids } = await makeConnections(1, new Date());
  const connectionId = ids[0] ?? "";
  const event = { type: "connection.fixed" as const, userId, connectionId, at: new Date(), data: {} };
  await transaction((tx) => recordEvents(tx, [event]));
  return { userId, connectionId };
}

/** Their SnapTrade user is gone, so nothing has to be waited for. */
async function forget(userId: string) {
  await (await database()).delete(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
  await requestForgetting(userId, new Date());
}

interface Described {
  operationId: string;
  parameters?: { name: string }[];
}

interface Page {
  /** The ids of the connections, also of those that the events are about. */
  found: (string | undefined)[];
  /** The query that reads on. */
  next: string | null;
}

const lists: Record<string, (query: string) => Promise<Page>> = {
  listConnections: async (query) => {
    const { status, json } = await ask("GET", `/connections?limit=1${query}`);
    expect(status).toBe(200);
    const { connections, next_cursor: next } = json as unknown as {
      connections: { id: string }[];
      next_cursor: string | null;
    };
    return { found: connections.map(({ id }) => id), next: next && `&cursor=${next}` };
  },
  listEvents: async (query) => {
    const { status, json } = await ask("GET", `/events?limit=1${query}`);
    expect(status).toBe(200);
    const { events, has_more: more } = json as unknown as {
      events: { id: string; data: { connection?: { id: string } } }[];
      has_more: boolean;
    };
    const last = events.at(-1);
    return { found: events.map(({ data }) => data.connection?.id), next: more ? `&after=${last?.id}` : null };
  },
};

test("every list that is read in pages is tested here", () => {
  const paged = Object.values(description().paths).flatMap((methods) =>
    Object.values(methods as unknown as Record<string, Described>)
      .filter(({ parameters }) => parameters?.some(({ name }) => name === "cursor" || name === "after"))
      .map(({ operationId }) => operationId),
  );
  expect(paged.sort()).toEqual(Object.keys(lists).sort());
});

test.each(Object.keys(lists))(
  "%s: a reader goes on although the last entry's person is deleted",
  async (name) => {
    const read = lists[name];
    if (!read) throw new Error(`There is no list ${name}`);
    await (await database()).delete(events);
    const people = [await makePerson(), await makePerson(), await makePerson()];
    const own = people.map(({ connectionId }) => connectionId);
    const found: (string | undefined)[] = [];
    for (let next: string | null = ""; next !== null;) {
      const page: Page = await read(next);
      found.push(...page.found);
      next = page.next;
      if (page.found[0] === own[0]) await forget(people[0]?.userId ?? "");
    }
    expect(found.filter((id) => id !== undefined && own.includes(id))).toEqual(own);
    const again = (await read("")).found;
    expect(again).not.toContain(own[0]);
  },
);

test("an erased event says nothing about the person, and one that nobody could know isn't kept", async () => {
  const db = await database();
  await db.delete(events);
  const person = await makePerson();
  await ask("GET", "/events");
  const unpublished = { ...person, type: "connection.fixed" as const, at: new Date(), data: {} };
  await transaction((tx) => recordEvents(tx, [unpublished]));
  await forget(person.userId);
  const left = await db.select().from(events);
  expect(left).toMatchObject([{ userId: null, connectionId: null, data: {} }]);
  expect((await ask("GET", `/events?after=${left[0]?.id}`)).json).toEqual({ events: [], has_more: false });
});
