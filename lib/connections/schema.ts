import { z } from "zod";
import { snapTradeId } from "@/lib/snaptrade/id";

/**
 * Connection ids, which are SnapTrade's and need not be valid UUIDs (docs/snaptrade.md §3.3), and our own row
 * ids.
 */
const id = snapTradeId;

export const reconnectInput = z.object({
  connectionId: id,
  queueId: id.optional(),
  intent: z.enum(["reconnect", "renew", "allow-trading"]).default("reconnect"),
});
export const connectInput = z.object({
  brokerage: z.string().regex(/^[A-Z0-9-]{1,60}$/),
  /** "It's a different login": add another connection beside one that needs reconnecting. */
  beside: z.literal("yes").optional(),
});
/** A path of ours; anything else is refused where the address is made. */
export const outsideInput = z.object({ returnTo: z.string().max(500) });
export const connectionInput = z.object({ connectionId: id });
export const queueEntryInput = z.object({ queueId: id, connectionId: id });
export const noInput = z.object({});

const reportedResult = z.discriminatedUnion("status", [
  z.object({ status: z.literal("SUCCESS") }),
  z.object({
    status: z.literal("ERROR"),
    code: z
      .string()
      .regex(/^([0-9]{4}|[A-Z][A-Z_]{2,31})$/)
      .nullable()
      .catch(null),
  }),
  z.object({ status: z.literal("ABANDONED") }),
  z.object({ status: z.literal("UNKNOWN") }),
]);
export const reportPortalInput = z.object({
  portalSessionId: id,
  reportedResult: reportedResult.nullable(),
  over: z.boolean(),
  inside: z.boolean().optional(),
});
