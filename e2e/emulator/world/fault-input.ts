import { z } from "zod";

const endpoints = [
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

export const faultInput = z.strictObject({
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
  /** How many requests it affects; without a number, all of them until it is removed. */
  times: z.number().int().min(1).optional(),
  /** Lets the request do its work, then loses the answer. */
  after: z.boolean().optional(),
  /** Whether an overtaken answer's `Date` is when it was delivered or when it was computed. */
  dated: z.enum(["delivery", "computation"]).optional(),
});

export type FaultInput = z.infer<typeof faultInput>;
