import { type Context, Hono } from "hono";
import { z } from "zod";
import { connectionShape } from "../api/shapes";
import { isoTime } from "../world/clock";
import { addConnection, breakConnection, finishRepair, removeConnection } from "../world/connections";
import { faultInput } from "../world/fault-input";
import { addFault, clearFaults } from "../world/faults";
import type { Mailbox } from "../mailbox/mailbox";
import { settingsSchema } from "../world/settings";
import type { Connection, User, World } from "../world/model";
import { breakInput, brokerageFlagsInput, ControlError, newConnectionInput, readInput } from "./input";
import { summariseState, summariseUser } from "./summary";
import { createWebhookControl } from "./webhooks";

const seconds = z.object({ seconds: z.number() });
const maxWait = 120_000;

export function createControl(world: World, mailbox: Mailbox) {
  const control = new Hono().basePath("/control/api");
  control.onError((error, c) => {
    if (error instanceof ControlError) return c.json({ error: error.message }, error.status);
    console.error(error);
    return c.json({ error: "The emulator failed; see its console output." }, 500);
  });

  control.get("/state", (c) => c.json(summariseState(world)));
  control.get("/users", (c) => {
    world.applyDue();
    return c.json(
      [...world.users.values()].map(({ userId, connections }) => ({
        userId,
        connections: connections.length,
      })),
    );
  });
  control.get("/users/:userId", (c) => c.json(summariseUser(world, requireUser(world, c))));
  control.get("/events", (c) => {
    world.applyDue();
    return c.json(world.events.get(c.req.query("userId") ?? "") ?? []);
  });
  control.get("/sessions/:sessionId", (c) => {
    const session = world.sessions.get(c.req.param("sessionId"));
    if (!session) throw new ControlError(404, "No such session.");
    const { sessionId, userId, wanted, redeemed, body } = session;
    return c.json({
      sessionId,
      userId,
      reconnect: wanted.reconnect ?? null,
      broker: wanted.broker ?? null,
      redeemed,
      body,
    });
  });

  control.post("/users/:userId/connections", async (c) => {
    const user = requireUser(world, c);
    const input = await readInput(c, newConnectionInput);
    const brokerage = world.brokerage(input.brokerage, user);
    if (!brokerage) throw new ControlError(400, `No brokerage has the slug "${input.brokerage}".`);
    const disabled = input.disabled ?? input.disabledDate !== undefined;
    const connection = addConnection(world, user, {
      ...input,
      brokerage,
      createdAt: input.createdDate,
      disabledAt: disabled ? (input.disabledDate ?? world.now(user)) : null,
    });
    return c.json(connectionShape(world, user, connection), 201);
  });

  control.post("/users/:userId/connections/:id/break", async (c) => {
    const { at } = await readInput(c, breakInput);
    return changeConnection(c, (user, connection) => breakConnection(world, user, connection, at));
  });
  control.post("/users/:userId/connections/:id/fix", (c) =>
    changeConnection(c, (user, connection) => finishRepair(world, user, connection, world.now(user))),
  );
  control.post("/users/:userId/connections/:id/delete", (c) =>
    changeConnection(c, (user, connection) => removeConnection(world, user, connection)),
  );
  control.post("/users/:userId/connections/:id/shared", async (c) => {
    const { shared } = await readInput(c, z.object({ shared: z.boolean() }));
    return changeConnection(c, (_, connection) => {
      connection.shared = shared;
      world.changed();
    });
  });

  control.post("/users/:userId/connections/:id/close-account", async (c) => {
    const { name } = await readInput(c, z.object({ name: z.string() }));
    return changeConnection(c, (_, connection) => {
      connection.accounts = connection.accounts.filter((account) => account.name !== name);
      world.changed();
    });
  });

  control.post("/users/:userId/advance", async (c) => {
    const user = requireUser(world, c);
    user.clockOffset += (await readInput(c, seconds)).seconds * 1000;
    world.changed();
    return c.json({ now: isoTime(world.now(user)) });
  });
  control.post("/clock/advance", async (c) => {
    world.clockOffset += (await readInput(c, seconds)).seconds * 1000;
    world.changed();
    return c.json({ now: isoTime(world.now()) });
  });

  control.post("/brokerages/:slug", async (c) => {
    const { forUser, ...flags } = await readInput(c, brokerageFlagsInput);
    const slug = c.req.param("slug");
    if (!world.brokerage(slug)) throw new ControlError(404, `No brokerage has the slug "${slug}".`);
    const user = forUser === undefined ? undefined : findUser(world, forUser);
    const kept = user ? user.brokerageFlags : world.brokerageFlags;
    kept[slug] = { ...kept[slug], ...flags };
    world.changed();
    const { enabled, maintenance_mode, is_degraded } = world.brokerage(slug, user) ?? {};
    return c.json({ slug, enabled, maintenance_mode, is_degraded });
  });

  control.post("/users/:userId/faults", async (c) => {
    const fault = addFault(world, c.req.param("userId"), await readInput(c, faultInput));
    return c.json({ id: fault.id }, 201);
  });
  control.delete("/users/:userId/faults", (c) => {
    clearFaults(world, c.req.param("userId"));
    return c.json({ ok: true });
  });
  control.post("/faults", async (c) =>
    c.json({ id: addFault(world, null, await readInput(c, faultInput)).id }, 201),
  );
  control.delete("/faults", (c) => {
    clearFaults(world, null);
    return c.json({ ok: true });
  });

  control.post("/settings", async (c) => {
    Object.assign(world.settings, await readInput(c, settingsSchema.partial()));
    world.changed();
    return c.json(world.settings);
  });
  control.post("/users/:userId/settings", async (c) => {
    const user = requireUser(world, c);
    Object.assign(user.settings, await readInput(c, settingsSchema.partial()));
    world.changed();
    return c.json(world.settingsOf(user));
  });

  control.route("/", createWebhookControl(world));

  control.post("/reset", (c) => {
    world.reset();
    return c.json({ ok: true });
  });

  control.get("/mail", (c) => c.json(mailbox.list(c.req.query("to"))));
  control.get("/mail/wait", async (c) => {
    const { to, after = "", timeoutMs = "10000" } = c.req.query();
    if (!to) throw new ControlError(400, "Name the address to wait for: ?to=<address>.");
    const mail = await mailbox.wait(to, after, Math.min(Number(timeoutMs) || 0, maxWait));
    if (!mail) throw new ControlError(404, `No mail for ${to} arrived in time.`);
    return c.json(mail);
  });
  control.delete("/mail", (c) => {
    mailbox.clear(c.req.query("to"));
    return c.json({ ok: true });
  });

  function changeConnection(c: Context, change: (user: User, connection: Connection) => void) {
    const user = requireUser(world, c);
    const connection = user.connections.find(({ id }) => id === c.req.param("id"));
    if (!connection) throw new ControlError(404, "No such connection.");
    change(user, connection);
    return c.json(connectionShape(world, user, connection));
  }

  return control;
}

function requireUser(world: World, c: Context): User {
  return findUser(world, c.req.param("userId") ?? "");
}

function findUser(world: World, userId: string): User {
  const user = world.user(userId);
  if (!user) throw new ControlError(404, `No user "${userId}" is registered.`);
  return user;
}
