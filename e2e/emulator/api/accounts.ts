import { Hono } from "hono";
import type { World } from "../world/model";
import { type ApiEnv, requireUser } from "./context";
import { notFound } from "./errors";
import { faulty } from "./fault";
import { accountShape } from "./shapes";

export function accountRoutes(world: World): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();

  routes.get("/accounts", faulty(world, "accounts"), (c) => {
    const user = requireUser(world, c);
    return c.json(
      world
        .shownConnections(user, "detail")
        .flatMap((connection) =>
          connection.accounts.map((account) => accountShape(world, user, connection, account)),
        ),
    );
  });

  routes.get("/accounts/:id", faulty(world, "accounts"), (c) => {
    const user = requireUser(world, c);
    for (const connection of world.shownConnections(user, "detail")) {
      const account = connection.accounts.find(({ id }) => id === c.req.param("id"));
      if (account) return c.json(accountShape(world, user, connection, account));
    }
    throw notFound();
  });

  return routes;
}
