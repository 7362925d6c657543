import type { Context } from "hono";
import { z } from "zod";

export class ControlError extends Error {
  constructor(
    readonly status: 400 | 404,
    message: string,
  ) {
    super(message);
  }
}

export const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

export const newConnectionInput = z.strictObject({
  brokerage: z.string(),
  /** Must be shaped like a UUID; replaces the generated id. */
  id: z.guid().optional(),
  type: z.enum(["read", "trade"]).optional(),
  disabled: z.boolean().optional(),
  disabledDate: time.optional(),
  createdDate: time.optional(),
  dataAsOf: time.optional(),
  accounts: z.array(z.strictObject({ name: z.string(), number: z.string() })).optional(),
  shared: z.boolean().optional(),
  name: z.string().optional(),
});

export const breakInput = z.strictObject({ at: time.optional() });

export const brokerageFlagsInput = z.strictObject({
  enabled: z.boolean().optional(),
  maintenance_mode: z.boolean().optional(),
  is_degraded: z.boolean().optional(),
  forUser: z.string().optional(),
});

/** Parses the body with this schema; an empty body counts as an empty object. */
export async function readInput<Output>(c: Context, schema: z.ZodType<Output>): Promise<Output> {
  const text = await c.req.text();
  const parsed = schema.safeParse(parseJson(text || "{}"));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ControlError(400, issue ? `${issue.path.join(".")} ${issue.message}`.trim() : "Invalid input.");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ControlError(400, "The body must be JSON.");
  }
}
