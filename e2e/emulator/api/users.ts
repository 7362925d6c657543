import { Hono } from "hono";
import type { World } from "../world/model";
import { type ApiEnv, requireSecret } from "./context";
import { ApiError, invalidInput, notFound } from "./errors";
import { faulty } from "./fault";

export function userRoutes(world: World): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();

  routes.post("/snapTrade/registerUser", faulty(world, "register"), (c) => {
    const { userId } = c.get("body");
    if (typeof userId !== "string" || userId === "") throw invalidInput("userId is required.");
    if (world.user(userId)) {
      throw new ApiError(400, "1010", `User with the following userId already exist: '${userId}'`);
    }
    const { userSecret } = world.register(userId);
    return c.json({ userId, userSecret });
  });

  routes.get("/snapTrade/listUsers", faulty(world, "listUsers"), (c) => {
    world.applyDue();
    return c.json([...world.users.keys()]);
  });

  routes.post("/snapTrade/resetUserSecret", faulty(world, "resetSecret"), (c) => {
    const { userId, userSecret } = c.get("body");
    if (typeof userId !== "string" || typeof userSecret !== "string")
      throw invalidInput("userId and userSecret are required.");
    const user = requireSecret(world, userId, userSecret);
    user.userSecret = world.chance.uuid();
    world.changed();
    return c.json({ userId, userSecret: user.userSecret });
  });

  routes.delete("/snapTrade/deleteUser", faulty(world, "deleteUser"), (c) => {
    const userId = c.req.query("userId");
    if (!userId) throw invalidInput("userId is required.");
    const user = world.user(userId);
    if (!user) throw notFound();
    const { userDeletion, deleteDelaySeconds } = world.settingsOf(user);
    if (userDeletion !== "lost-job") user.deleteAt ??= world.now(user) + deleteDelaySeconds * 1000;
    world.changed();
    const detail = "User queued for deletion; please wait for webhook for confirmation.";
    return c.json({ status: "deleted", detail, userId });
  });

  return routes;
}
