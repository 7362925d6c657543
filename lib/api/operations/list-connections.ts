import "server-only";
import { z } from "zod";
import { changesKnownUntil, listForCompany } from "@/lib/connections/pages/for-company";
import { snapTradeId } from "@/lib/snaptrade/id";
import { getUserByExternalId } from "@/lib/people/find";
import { connection, connectionOf, state, storedState } from "@/lib/api/connection-fields";
import { cursorField, readCursor, writeCursor } from "@/lib/api/cursor";
import { externalId, time } from "@/lib/api/fields";
import { answer, operation } from "@/lib/api/operation";
import { noSuchPerson } from "@/lib/api/user-fields";

/** The last entry of a page, and what its list says about itself; the list's filters come with each request. */
const position = z.strictObject({ changedAt: time, id: snapTradeId, asOf: time });

export const listConnections = operation({
  name: "listConnections",
  method: "GET",
  path: "/connections",
  scope: "connections:read",
  summary: "List connections, those that changed longest ago first",
  description:
    "To follow changes, read to the end, then pass the `as_of` of that reading as `changed_since`. No change is ever missed; some may come twice. A connection that changes while you read moves to the end. What only depends on the time or on the whole brokerage, such as maintenance, isn’t a change.",
  query: z.strictObject({
    user: externalId.optional(),
    state: state.optional(),
    changed_since: time.optional().meta({ description: "`as_of` of an earlier reading, or any time" }),
    cursor: cursorField.optional(),
    limit: z.coerce.number().int().min(1).max(100).default(50),
  }),
  answers: {
    200: z
      .object({
        connections: z.array(connection),
        next_cursor: z.string().nullable().meta({ description: "Null at the end" }),
        as_of: time.meta({ description: "Everything that changed before this is in the list" }),
      })
      .meta({ id: "ConnectionList" }),
  },
  problems: [],
  work: async ({ query, now }) => {
    const owner = query.user === undefined ? null : await getUserByExternalId(query.user);
    if (query.user !== undefined && !owner) throw noSuchPerson();
    const after = query.cursor === undefined ? undefined : readCursor(position, query.cursor);
    // Read before the list, so that it can't be newer.
    const asOf = after?.asOf ?? (await changesKnownUntil());
    const found = await listForCompany(
      {
        userId: owner?.userId,
        state: query.state && storedState(query.state),
        changedSince: query.changed_since,
        after,
        limit: query.limit + 1,
      },
      now,
    );
    const page = found.slice(0, query.limit);
    const last = found.length > query.limit ? page.at(-1) : undefined;
    const next = last && z.encode(position, { changedAt: last.changedAt, id: last.view.id, asOf });
    return answer(200, {
      connections: page.map(connectionOf),
      next_cursor: next ? writeCursor(next) : null,
      as_of: asOf,
    });
  },
});
