import { z } from "zod";
import { snapTradeId } from "@/lib/snaptrade/id";

/** The token in a fix session's link. */
export const linkInput = z.object({ token: z.string().regex(/^[\w-]{20,64}$/) });

/** A click on one of a fix session's pages that opens the portal. */
export const stepInput = z.object({
  fixSessionId: snapTradeId,
  /** What to repair, if the session doesn't say. */
  connectionId: snapTradeId.optional(),
  /** The one to leave for later, in which queue. */
  skip: z.object({ queueId: snapTradeId, connectionId: snapTradeId }).optional(),
  /** Where to connect, if the session doesn't say. */
  brokerage: z
    .string()
    .regex(/^[A-Z0-9-]{1,60}$/)
    .optional(),
  /** "It's a different login": connect beside a connection that needs reconnecting. */
  beside: z.literal("yes").optional(),
});
export type FixStep = z.output<typeof stepInput>;
