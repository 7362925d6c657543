import { Hono, type MiddlewareHandler } from "hono";
import { isoTime } from "../world/clock";
import { isSigned } from "../webhooks/signature";
import type { World } from "../world/model";
import { accountRoutes } from "./accounts";
import { connectionRoutes } from "./connections";
import { type ApiContext, type ApiEnv, parseBody } from "./context";
import { ApiError, notFound, throttled } from "./errors";
import { loginRoutes } from "./login";
import { AnswerLost } from "./lost-answer";
import { writeRateHeaders } from "./rate-headers";
import { referenceRoutes } from "./reference";
import { userRoutes } from "./users";

const clockTolerance = 300;

/**
 * SnapTrade's API. In-process callers use `createApi(world).fetch(request)`: a lost answer rejects with
 * `AnswerLost`, and one that never comes ends when the request's signal aborts.
 */
export function createApi(world: World): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();
  for (const part of [userRoutes, loginRoutes, connectionRoutes, accountRoutes, referenceRoutes])
    routes.route("/", part(world));

  const api = new Hono<ApiEnv>();
  api.onError((error) => {
    if (error instanceof ApiError) return error.toResponse();
    if (error instanceof AnswerLost) throw error;
    console.error(error);
    return new ApiError(500, "1000", "Encountered an unexpected exception.").toResponse();
  });
  api.notFound(() => notFound().toResponse());
  api.use(describeAnswer(world));
  api.get("/", () => Response.json({ version: 153, timestamp: isoTime(world.now()), online: true }));
  api.use(verifyRequest(world));
  api.use(keepRate(world));
  api.route("/", routes);
  api.route("/api/v1", routes);
  return api;
}

/** Sets the headers that every answer carries, and logs the request. */
function describeAnswer(world: World): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const path = c.req.path;
    const line = {
      method: c.req.method,
      path,
      status: null as number | null,
      at: isoTime(world.now()),
      userId: null as string | null,
    };
    world.log(line);
    c.set("userId", c.req.query("userId") ?? null);
    await next();

    line.userId = c.get("userId");
    line.status = c.res.status;
    const user = world.users.get(line.userId ?? "");
    const now = world.now(user);
    const headers = new Headers(c.res.headers);
    headers.set("Date", new Date(c.get("dated") ?? now).toUTCString());
    headers.set("X-Request-ID", world.chance.bytes(16).toString("hex"));
    const { rateLimitHeaders: rate, retryAfter } = world.settingsOf(user);
    writeRateHeaders(
      headers,
      { rate, retryAfter },
      world.rateLimit.peek("client", world.settings.rateLimit, world.trueTime()),
      now,
    );
    headers.set("X-Frame-Options", "DENY");
    headers.set("Referrer-Policy", "same-origin");
    if (path.startsWith("/api/v1/")) headers.set("Deprecation", "@1781222400");
    const { status, body } = c.res;
    c.res = undefined;
    c.res = new Response(body, { status, headers });
  };
}

function verifyRequest(world: World): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const text = await c.req.text();
    checkClient(world, c);
    checkSignature(world, c, text);
    c.set("body", parseBody(hasJson(c) ? text : ""));
    const { userId } = c.get("body");
    if (typeof userId === "string") c.set("userId", userId);
    await next();
  };
}

/** The SDK sends a POST without a body as an empty form. */
function hasJson(c: ApiContext): boolean {
  return !c.req.header("Content-Type")?.startsWith("application/x-www-form-urlencoded");
}

function checkClient(world: World, c: ApiContext) {
  const { clientId, timestamp } = c.req.query();
  if (!clientId || !timestamp)
    throw new ApiError(401, "0000", "Authentication credentials were not provided");
  if (clientId !== world.partner.clientId) throw new ApiError(401, "1076", "Invalid clientId provided");
  const age = world.trueTime() / 1000 - Number(timestamp);
  if (!/^\d+$/.test(timestamp) || Math.abs(age) > clockTolerance)
    throw new ApiError(401, "1076", "Invalid timestamp");
}

function checkSignature(world: World, c: ApiContext, text: string) {
  const target = c.env?.incoming.url ?? targetOf(c.req.url);
  const signature = c.req.header("Signature") ?? "";
  if (!isParsedAndSigned(world.partner.consumerKey, target, text, signature)) {
    throw new ApiError(401, "1076", "Unable to verify signature sent");
  }
}

/** The signature covers the raw query, so `URL` must not normalize it. */
function targetOf(url: string): string {
  return url.replace(/^[a-z]+:\/\/[^/?#]*/i, "").replace(/#.*$/, "");
}

function isParsedAndSigned(consumerKey: string, target: string, text: string, signature: string): boolean {
  try {
    return isSigned(consumerKey, target, text, signature);
  } catch {
    return false;
  }
}

function keepRate(world: World): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const allowance = world.rateLimit.take("client", world.settings.rateLimit, world.trueTime());
    if (!allowance.allowed) throw throttled(allowance.resetSeconds);
    const user = world.users.get(c.get("userId") ?? "");
    if (user?.settings.rateLimit !== undefined) {
      const own = world.rateLimit.take(`user ${user.userId}`, user.settings.rateLimit, world.now(user));
      if (!own.allowed) throw throttled(own.resetSeconds);
    }
    await next();
  };
}
