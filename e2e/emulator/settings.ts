import { z } from "zod";

/** What nobody outside SnapTrade knows for sure, made adjustable. See README.md for each member. */
export const settingsSchema = z.strictObject({
  messages: z.enum(["object", "string", "both"]),
  statusCodeAs: z.enum(["string", "number"]),
  omitAuthorizationId: z.boolean(),
  cancelWithoutStatus: z.boolean(),
  joinWith: z.enum(["&", "?"]),
  dataFreshness: z.enum(["string", "object"]),
  deleteDelaySeconds: z.number().min(0),
  rateLimit: z.number().int().min(0),
  keepDisabledDate: z.boolean(),
  repairDelaySeconds: z.number().min(0),
  reconnectUnknown: z.enum(["1012", "1011"]),
  maintenanceBlocksReconnect: z.boolean(),
});

export type Settings = z.infer<typeof settingsSchema>;

export const defaultSettings: Settings = {
  messages: "object",
  statusCodeAs: "string",
  omitAuthorizationId: false,
  cancelWithoutStatus: false,
  joinWith: "&",
  dataFreshness: "string",
  deleteDelaySeconds: 3,
  rateLimit: 250,
  keepDisabledDate: false,
  repairDelaySeconds: 0,
  reconnectUnknown: "1012",
  maintenanceBlocksReconnect: true,
};
