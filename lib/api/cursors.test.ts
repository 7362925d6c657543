import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { requestForgetting } from "@/lib/account/delete";
import { database, transaction } from "@/lib/db/client";
import { connections, episodes } from "@/lib/db/schema/connections";
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

/** A person with a connection, an event about it, and a break of it from shadow mode. */
async function makePerson() {
  const { userId, ids } = await makeConnections(1, new Date());
  const connectionId = ids[0] ?? "";
  const event = { type: "connection.fixed" as const, userId, connectionId, at: new Date(), data: {} };
  await transaction((tx) => recordEvents(tx, [event]));
  await recordShadowBreak(userId, connectionId);
  return { userId, connectionId };
}

/** Later ones are noticed later. */
let noticed = Date.now();

async function recordShadowBreak(userId: string, connectionId: string) {
  const db = await database();
  const { brokerageId } = connections;
  const [row] = await db.select({ brokerageId }).from(connections).where(eq(connections.id, connectionId));
  const at = new Date((noticed += 1_000));
  const moments = { brokeAt: at, noticedAt: at, noticedBy: "timer" as const };
  const owned = { userId, connectionId, brokerageId: row?.brokerageId ?? "" };
  await db.insert(episodes).values({ ...owned, ...moments, inShadow: true });
}

/** Their SnapTrade user is gone, so there is nothing to wait for. */
async function forget(userId: string) {
  await (await database()).delete(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
  await requestForgetting(userId, new Date());
}

interface Described {
  operationId: string;
  parameters?: { name: string }[];
}

interface Page {
  /** The ids of the connections, or of those that the events are about. */
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
  listShadowBreaks: async (query) => {
    const { status, json } = await ask("GET", `/shadow-report?limit=1${query}`);
    expect(status).toBe(200);
    const { breaks, next_cursor: next } = json as unknown as {
      breaks: { connection: string }[];
      next_cursor: string | null;
    };
    return { found: breaks.map(({ connection }) => connection), next: next && `&cursor=${next}` };
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

test("an erased event says nothing about the person, and one that was never published is deleted", async () => {
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
