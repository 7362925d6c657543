import { Hono } from "hono";
import { z } from "zod";
import { recordAnyEvent } from "../world/events";
import type { Delivery, World } from "../world/model";
import { ControlError, readInput, time } from "./input";

const urlInput = z.strictObject({ url: z.url().nullable() });
const releaseInput = z.strictObject({
  order: z.enum(["oldest", "newest", "random"]).default("oldest"),
  userId: z.string().optional(),
});
const eventInput = z.strictObject({
  eventType: z.string().min(1),
  members: z.record(z.string(), z.unknown()).default({}),
  at: time.optional(),
});

/** Sets where webhooks go, lists what became of each, and releases the ones being held. */
export function createWebhookControl(world: World): Hono {
  const control = new Hono();

  control.post("/webhooks", async (c) => {
    world.deliveries.url = (await readInput(c, urlInput)).url;
    return c.json({ url: world.deliveries.url });
  });
  control.get("/deliveries", (c) => {
    world.applyDue();
    return c.json(world.deliveries.all(c.req.query("userId")));
  });
  control.post("/deliveries/release", async (c) => {
    const { order, userId } = await readInput(c, releaseInput);
    return c.json({ sent: await world.deliveries.release(order, userId) });
  });
  control.post("/deliveries/:id/send", async (c) => {
    const delivery = findDelivery(c.req.param("id"));
    await world.deliveries.send(delivery);
    return c.json(delivery);
  });
  control.post("/users/:userId/events", async (c) => {
    const { eventType, members, at } = await readInput(c, eventInput);
    const userId = c.req.param("userId");
    return c.json(
      recordAnyEvent(world, userId, eventType, members, at ?? world.now(world.users.get(userId))),
      201,
    );
  });

  function findDelivery(id: string): Delivery {
    const delivery = world.deliveries.all().find((one) => one.id === id);
    if (!delivery) throw new ControlError(404, "No such delivery.");
    return delivery;
  }

  return control;
}
