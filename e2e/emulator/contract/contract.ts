import { z } from "zod";

// What we rely on in SnapTrade's API, in our own words (docs/snaptrade.md has the reasons). Members are
// required unless marked `optional`, and no others may appear: somebody would come to rely on what the
// emulator invents.

export interface Operation {
  method: "get" | "post" | "delete";
  path: string;
  /** In addition to `clientId`, `timestamp`, and the signature. */
  query: readonly string[];
  answers: Record<number, z.ZodType>;
  /** No longer in SnapTrade's description, though clients still call it. */
  retired?: boolean;
}

const id = z.guid();
const text = z.string();
const flag = z.boolean();
/** "2026-09-21T13:33:20.590720+00:00", or with another offset. */
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d$/);
/** The one time format that has a space. */
const syncTime = z.string().regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00$/);
const date = z.iso.date();

const error = z.strictObject({ detail: text, status_code: z.int(), code: text });

const brokerage = z.strictObject({
  id,
  slug: text,
  name: text,
  display_name: text,
  description: text,
  aws_s3_logo_url: z.url(),
  aws_s3_square_logo_url: z.url().nullable(),
  url: z.url().nullable(),
  enabled: flag,
  maintenance_mode: flag,
  is_degraded: flag,
  allows_trading: flag.nullable(),
  brokerage_type: z.strictObject({ id, name: text }),
  allows_fractional_units: flag.nullable().optional(),
  has_reporting: flag.nullable().optional(),
  is_real_time_connection: flag.optional(),
  exchanges: z.array(z.unknown()).optional(),
  open_url: text.nullable().optional(),
});

const freshness = z.enum(["realtime", "delayed"]);

const connection = z.strictObject({
  id,
  created_date: time,
  brokerage,
  name: text,
  type: text,
  disabled: flag,
  disabled_date: time.nullable(),
  data_freshness_mode: z.union([freshness, z.strictObject({ institution: freshness, snaptrade: freshness })]),
  is_eligible_for_payout: flag.optional(),
  updated_date: time.optional(),
  meta: z.record(text, z.unknown()).optional(),
});

const account = z.strictObject({
  id,
  brokerage_authorization: id,
  name: text.nullable(),
  number: text,
  institution_account_id: text.nullable(),
  institution_name: text,
  created_date: time,
  funding_date: time.nullable().optional(),
  opening_date: time.nullable().optional(),
  sync_status: z.strictObject({
    transactions: z.strictObject({
      initial_sync_completed: flag,
      last_successful_sync: date.nullable(),
      first_transaction_date: date.nullable(),
    }),
    holdings: z.strictObject({
      initial_sync_completed: flag,
      last_successful_sync: syncTime.nullable(),
      holdings_unavailable: flag.optional(),
    }),
  }),
  balance: z.strictObject({ total: z.strictObject({ amount: z.number(), currency: text }).nullable() }),
  status: z.enum(["open", "closed", "archived", "unavailable"]).nullable(),
  raw_type: text.nullable(),
  account_category: z.enum(["INVESTMENT", "DEPOSIT", "LOC"]).nullable(),
  is_paper: flag,
  meta: z.record(text, z.unknown()).optional(),
  cash_restrictions: z.array(text).optional(),
  portfolio_group: id.nullable().optional(),
});

const userWithSecret = z.strictObject({ userId: text, userSecret: text });
const confirmation = z.strictObject({ detail: text });
const user = ["userId", "userSecret"] as const;

export const operations: readonly Operation[] = [
  {
    method: "get",
    path: "/",
    query: [],
    answers: { 200: z.strictObject({ version: z.int(), timestamp: time, online: flag }) },
  },
  {
    method: "post",
    path: "/snapTrade/registerUser",
    query: [],
    answers: { 200: userWithSecret, 400: error },
  },
  { method: "get", path: "/snapTrade/listUsers", query: [], answers: { 200: z.array(text) } },
  {
    method: "post",
    path: "/snapTrade/resetUserSecret",
    query: [],
    answers: { 200: userWithSecret, 401: error },
  },
  {
    method: "delete",
    path: "/snapTrade/deleteUser",
    query: ["userId"],
    answers: {
      200: z.strictObject({ status: z.literal("deleted"), detail: text, userId: text }),
      404: error,
    },
  },
  {
    method: "post",
    path: "/snapTrade/login",
    query: user,
    answers: { 200: z.strictObject({ redirectURI: z.url(), sessionId: id }), 400: error },
  },
  {
    method: "get",
    path: "/snapTrade/partners",
    query: [],
    answers: {
      200: z.strictObject({
        slug: text,
        name: text,
        logo_url: text.nullable(),
        redirect_uri: text.nullable(),
        allowed_brokerages: z.array(brokerage),
        can_access_trades: flag,
        can_access_holdings: flag,
        can_access_account_history: flag,
        can_access_reference_data: flag,
        can_access_portfolio_management: flag,
        can_access_orders: flag,
        pin_required: flag.optional(),
      }),
    },
  },
  { method: "get", path: "/brokerages", query: [], answers: { 200: z.array(brokerage) } },
  {
    method: "get",
    path: "/brokerageAuthorizationTypes",
    query: ["brokerage"],
    answers: {
      200: z.array(
        z.strictObject({
          id,
          type: z.enum(["read", "trade"]),
          auth_type: z.enum(["OAUTH", "SCRAPE", "UNOFFICIAL_API", "TOKEN"]),
          brokerage: z.strictObject({ id, name: text, slug: text }),
        }),
      ),
    },
  },
  {
    method: "get",
    path: "/authorizations",
    query: user,
    answers: { 200: z.array(connection), 401: error, 429: error },
  },
  {
    method: "get",
    path: "/authorizations/{authorizationId}",
    query: user,
    answers: { 200: connection, 404: error },
  },
  {
    method: "get",
    path: "/authorizations/{authorizationId}/accounts",
    query: user,
    answers: { 200: z.array(account), 401: error, 404: error },
  },
  { method: "get", path: "/accounts", query: user, answers: { 200: z.array(account) } },
  { method: "get", path: "/accounts/{accountId}", query: user, answers: { 200: account, 404: error } },
  {
    method: "post",
    path: "/authorizations/{authorizationId}/refresh",
    query: user,
    answers: { 200: confirmation, 402: error, 404: error, 429: error },
  },
  {
    method: "post",
    path: "/authorizations/{authorizationId}/transactions/sync",
    query: user,
    answers: { 200: confirmation, 402: error },
  },
  {
    method: "post",
    path: "/authorizations/{authorizationId}/disable",
    query: user,
    answers: { 200: confirmation, 402: error },
  },
  {
    method: "delete",
    path: "/connection/{connectionId}",
    query: user,
    answers: { 200: z.strictObject({ detail: text, connection_id: id }), 404: error },
  },
  {
    method: "delete",
    path: "/authorizations/{authorizationId}",
    query: user,
    answers: { 204: z.literal(""), 404: error },
    retired: true,
  },
];

const common = {
  webhookId: id,
  clientId: text,
  eventTimestamp: time,
  userId: text,
  webhookSecret: text.optional(),
};
const ofConnection = { brokerageAuthorizationId: id };
const ofAccount = { ...ofConnection, accountId: id };
const done = z.strictObject({ success: flag, error: text.nullable() });

const signInResults = [
  "SUCCESS",
  "AUTH_EXPIRED",
  "INVALID_AUTH_CODE",
  "AUTH_NOT_IN_PROGRESS",
  "DIFFERENT_ACCOUNT",
  "UNCAUGHT_ERROR",
  "INVALID_CREDENTIALS",
  "INVALID_MFA_CODE",
  "NO_DATA",
];

function event<Type extends string, Members extends z.ZodRawShape>(eventType: Type, members: Members) {
  return z.strictObject({ ...common, eventType: z.literal(eventType), ...members });
}

/** Webhook bodies. Other event types may still arrive; the app accepts them unread. */
export const webhookBody = z.discriminatedUnion("eventType", [
  event("USER_REGISTERED", {}),
  event("USER_DELETED", {}),
  event("CONNECTION_ATTEMPTED", { brokerageId: id, connectionAttemptedResult: z.enum(signInResults) }),
  event("CONNECTION_ADDED", { brokerageId: id, ...ofConnection }),
  event("CONNECTION_DELETED", { brokerageId: id, ...ofConnection }),
  event("CONNECTION_BROKEN", ofConnection),
  event("CONNECTION_FIXED", ofConnection),
  event("CONNECTION_UPDATED", ofConnection),
  event("CONNECTION_FAILED", {}),
  event("NEW_ACCOUNT_AVAILABLE", ofAccount),
  event("ACCOUNT_TRANSACTIONS_UPDATED", ofAccount),
  event("ACCOUNT_HOLDINGS_UPDATED", {
    ...ofAccount,
    brokerageId: id,
    details: z.strictObject({ total_value: done, positions: done, balances: done, orders: done }),
  }),
]);
