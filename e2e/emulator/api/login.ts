import { Hono } from "hono";
import { newSession } from "../portal/session";
import type { User, World } from "../world/model";
import { type ApiEnv, requireUser } from "./context";
import { ApiError, invalidInput, notFound } from "./errors";
import { faulty } from "./fault";
import { loginBody, type LoginBody } from "./login-body";

export function loginRoutes(world: World): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();

  routes.post("/snapTrade/login", faulty(world, "login"), (c) => {
    const user = requireUser(world, c);
    const parsed = loginBody.safeParse(c.get("body"));
    if (!parsed.success) throw invalidInput(parsed.error.issues[0]?.message ?? "Invalid input.");
    checkBroker(world, user, parsed.data);
    checkReconnect(world, user, parsed.data.reconnect);

    const session = newSession(world, user, parsed.data, c.get("body"));
    world.addSession(session);
    world.changed();
    const query = new URLSearchParams({ token: session.token, clientId: world.partner.clientId });
    if (parsed.data.broker) query.set("broker", parsed.data.broker);
    query.set("connectionPortalVersion", "v4");
    query.set("sessionId", session.sessionId);
    if (parsed.data.darkMode) query.set("darkMode", "true");
    return c.json({
      redirectURI: `${world.origins.portal}/snapTrade/redeemToken?${query}`,
      sessionId: session.sessionId,
    });
  });

  return routes;
}

function checkBroker(world: World, user: User, { broker, connectionType }: LoginBody) {
  if (!broker) return;
  const brokerage = world.brokerage(broker, user);
  if (!brokerage) throw invalidInput("Invalid broker provided.");
  if (connectionType === "trade" && !brokerage.allowsTrading)
    throw invalidInput("This broker does not allow trading.");
}

function checkReconnect(world: World, user: User, reconnect: string | undefined) {
  if (!reconnect || user.connections.some(({ id }) => id === reconnect)) return;
  if (world.settingsOf(user).reconnectUnknown === "1011") throw notFound();
  throw new ApiError(400, "1012", "Invalid reconnect id provided.");
}
