import { z } from "zod";
import { rateHeaderForms, retryAfterForms } from "../api/rate-headers";
import { bodyForms } from "../webhooks/body";

/** Items that SnapTrade has no reason to send, though nothing prevents it. */
const oddItemKinds = [
  "unknown-type",
  "empty-created-date",
  "null-slug",
  "id-without-version",
  "missing-disabled",
  "no-brokerage",
  "not-an-object",
] as const;
export type OddItemKind = (typeof oddItemKinds)[number];

/**
 * Makes adjustable what isn't publicly known about SnapTrade (docs/snaptrade.md, section 8). README.md
 * explains each member.
 */
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
  clockSkewSeconds: z.number(),
  readLagSeconds: z.number().min(0).max(3600),
  listLagSeconds: z.number().min(0).max(3600),
  removal: z.enum(["normal", "lost-answer", "lost-job"]),
  userDeletion: z.enum(["normal", "lost-event", "lost-job"]),
  oddItems: z.array(z.enum(oddItemKinds)),
  siblingBrokerage: z.string().nullable(),
  oauthRedirect: z.enum(["none", "third-origin"]),
  rateLimitHeaders: z.enum(rateHeaderForms),
  retryAfter: z.enum(retryAfterForms),
  webhooks: z.enum(["send", "hold", "off"]),
  webhookCopies: z.number().int().min(1).max(10),
  webhookDelayMs: z.number().min(0),
  webhookLossPercent: z.number().min(0).max(100),
  webhookSignature: z.enum(["right", "wrong", "other-key", "missing"]),
  webhookBody: z.enum(bodyForms),
  webhookSecret: z.boolean(),
  webhookRetries: z.number().int().min(0).max(3),
  webhookRetrySpeed: z.number().positive(),
  webhookRetryTimestamp: z.enum(["kept", "renewed"]),
  webhookTimeoutMs: z.number().int().min(1),
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
  clockSkewSeconds: 0,
  readLagSeconds: 0,
  listLagSeconds: 0,
  removal: "normal",
  userDeletion: "normal",
  oddItems: [],
  siblingBrokerage: null,
  oauthRedirect: "none",
  rateLimitHeaders: "usual",
  retryAfter: "seconds",
  webhooks: "send",
  webhookCopies: 1,
  webhookDelayMs: 0,
  webhookLossPercent: 0,
  webhookSignature: "right",
  webhookBody: "compact",
  webhookSecret: true,
  webhookRetries: 3,
  webhookRetrySpeed: 1,
  webhookRetryTimestamp: "kept",
  webhookTimeoutMs: 10_000,
};
