import { z } from "zod";
import type { World } from "./world";

export const endpoints = [
  "register",
  "listUsers",
  "resetSecret",
  "deleteUser",
  "login",
  "list",
  "detail",
  "delete",
  "refresh",
  "disable",
  "sync",
  "accounts",
  "brokerages",
  "types",
  "partners",
] as const;

export type Endpoint = (typeof endpoints)[number];

export const faultSchema = z.strictObject({
  endpoint: z.enum([...endpoints, "*"]),
  kind: z.enum([
    "delay",
    "status",
    "html502",
    "rate_limited",
    "hang",
    "reset",
    "malformed",
    "empty_list",
    "drip",
    "overtaken",
  ]),
  delayMs: z.number().min(0).optional(),
  status: z.number().int().min(400).max(599).optional(),
  code: z.string().optional(),
  retryAfterSeconds: z.number().int().min(0).optional(),
  /** How many requests it hits; until taken away when left out. */
  times: z.number().int().min(1).optional(),
  /** Let the request do its work first and lose only the answer. */
  after: z.boolean().optional(),
  /** Whether an overtaken answer's `Date` is its delivery time or the time it was computed. */
  dated: z.enum(["delivery", "computation"]).optional(),
});

/** `userId` null: for everybody. */
export type Fault = z.infer<typeof faultSchema> & { id: string; userId: string | null };

export function addFault(world: World, userId: string | null, wanted: z.infer<typeof faultSchema>): Fault {
  const fault: Fault = { ...wanted, id: world.chance.uuid(), userId };
  world.faults.push(fault);
  world.changed();
  return fault;
}

export function clearFaults(world: World, userId: string | null) {
  world.faults = world.faults.filter((fault) => fault.userId !== userId);
  world.changed();
}

/** The first fault that fits this request, counted as used. */
export function takeFault(world: World, endpoint: Endpoint, userId: string | null): Fault | undefined {
  const fault = world.faults.find(
    (one) =>
      (one.endpoint === "*" || one.endpoint === endpoint) && (one.userId === null || one.userId === userId),
  );
  if (fault?.times === undefined) return fault;
  fault.times -= 1;
  if (fault.times === 0) world.faults = world.faults.filter((other) => other !== fault);
  world.changed();
  return fault;
}
