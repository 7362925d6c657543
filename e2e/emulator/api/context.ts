import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import type { Connection, User, World } from "../world/model";
import { ApiError, invalidInput, notFound } from "./errors";

export interface ApiEnv {
  /** Undefined for an in-process request. */
  Bindings: HttpBindings | undefined;
  Variables: {
    /** The parsed body; an empty body becomes an empty object. */
    body: Record<string, unknown>;
    /** The user the request claims to be about, not yet verified. */
    userId: string | null;
    /** Overrides the answer's `Date` header when it isn't the time of delivery. */
    dated: number | undefined;
  };
}

export type ApiContext = Context<ApiEnv>;

export function parseBody(text: string): Record<string, unknown> {
  if (text === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Invalid JSON gets the same error as a body of the wrong shape.
  }
  throw invalidInput("The request body must be a JSON object.");
}

export function requireUser(world: World, c: ApiContext): User {
  const userId = c.req.query("userId");
  const userSecret = c.req.query("userSecret");
  if (!userId || !userSecret) {
    throw new ApiError(401, "0000", "Please provide clientId, userId and userSecret in query params");
  }
  return requireSecret(world, userId, userSecret);
}

export function requireSecret(world: World, userId: string, userSecret: string): User {
  const user = world.user(userId);
  if (user?.userSecret !== userSecret)
    throw new ApiError(401, "1083", "Invalid userID or userSecret provided");
  return user;
}

export function requireConnection(
  { connections }: Pick<User, "connections">,
  connectionId: string | undefined,
): Connection {
  const connection = connections.find(({ id }) => id === connectionId);
  if (!connection) throw notFound();
  return connection;
}
