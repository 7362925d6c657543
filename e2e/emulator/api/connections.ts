import { Hono } from "hono";
import { announceHoldings, breakConnection, queueRemoval, removeConnection } from "../world/connections";
import { recordEvent } from "../world/events";
import type { Connection, User, World } from "../world/model";
import { type ApiEnv, requireConnection, requireUser } from "./context";
import { ApiError, notFound } from "./errors";
import { faulty } from "./fault";
import { loseAnswer } from "./lost-answer";
import { findOddItem, oddItems } from "./odd-items";
import { accountShape, connectionShape } from "./shapes";

const refreshInterval = 60_000;

export function connectionRoutes(world: World): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();

  routes.get("/authorizations", faulty(world, "list"), (c) => {
    const user = requireUser(world, c);
    const listed = world
      .shownConnections(user, "list")
      .map((connection) => connectionShape(world, user, connection));
    return c.json([...oddItems(world, user), ...listed]);
  });

  routes.get("/authorizations/:id", faulty(world, "detail"), (c) => {
    const user = requireUser(world, c);
    const odd = findOddItem(world, user, c.req.param("id"));
    if (odd !== undefined) return c.json(odd);
    return c.json(connectionShape(world, user, requireConnection(shown(world, user), c.req.param("id"))));
  });

  routes.delete("/authorizations/:id", faulty(world, "delete"), (c) => {
    const user = requireUser(world, c);
    removeConnection(world, user, requireConnection(user, c.req.param("id")));
    return c.body(null, 204);
  });

  routes.delete("/connection/:id", faulty(world, "delete"), (c) => {
    const user = requireUser(world, c);
    const connection = requireConnection(user, c.req.param("id"));
    queueRemoval(world, user, connection);
    if (world.settingsOf(user).removal === "lost-answer") return loseAnswer(c);
    const detail = "Connection queued for deletion; please wait for webhook for confirmation.";
    return c.json({ detail, connection_id: connection.id });
  });

  routes.post("/authorizations/:id/refresh", faulty(world, "refresh"), (c) => {
    const user = requireUser(world, c);
    const connection = requireOwn(user, c.req.param("id"));
    requireEnabled(connection);
    const now = world.now(user);
    if (connection.refreshedAt !== null && now - connection.refreshedAt < refreshInterval) {
      throw new ApiError(429, "throttled", "Connection refreshed too recently. Please try again later.");
    }
    connection.refreshedAt = now;
    connection.syncedAt = now;
    connection.announcedAt = now;
    announceHoldings(world, user, connection);
    return c.json({ detail: `Connection ${connection.id} scheduled for refresh` });
  });

  routes.post("/authorizations/:id/transactions/sync", faulty(world, "sync"), (c) => {
    const user = requireUser(world, c);
    const connection = requireOwn(user, c.req.param("id"));
    requireEnabled(connection);
    for (const { id } of connection.accounts) {
      recordEvent(world, user, "ACCOUNT_TRANSACTIONS_UPDATED", {
        accountId: id,
        brokerageAuthorizationId: connection.id,
      });
    }
    return c.json({ detail: `Connection ${connection.id} scheduled for transactions sync` });
  });

  routes.post("/authorizations/:id/disable", faulty(world, "disable"), (c) => {
    const user = requireUser(world, c);
    const connection = requireOwn(user, c.req.param("id"));
    if (connection.disabled) throw new ApiError(402, "3011", "This connection is already disabled.");
    breakConnection(world, user, connection);
    return c.json({ detail: `Connection ${connection.id} has been disabled` });
  });

  routes.get("/authorizations/:id/accounts", faulty(world, "accounts"), (c) => {
    const user = requireUser(world, c);
    if (findOddItem(world, user, c.req.param("id")) !== undefined) return c.json([]);
    const connection = requireConnection(shown(world, user), c.req.param("id"));
    return c.json(connection.accounts.map((account) => accountShape(world, user, connection, account)));
  });

  return routes;
}

/** Only the list can have its own lag; all other reads lag alike. */
function shown(world: World, user: User): Pick<User, "connections"> {
  return { connections: world.shownConnections(user, "detail") };
}

/** These calls don't find a shared connection, although the list includes it (docs/snaptrade.md §3.15). */
function requireOwn(user: User, connectionId: string): Connection {
  const connection = requireConnection(user, connectionId);
  if (connection.shared) throw notFound();
  return connection;
}

function requireEnabled(connection: Connection) {
  if (!connection.disabled) return;
  throw new ApiError(
    402,
    "3003",
    "Unable to sync with brokerage account because the connection is disabled.",
  );
}
