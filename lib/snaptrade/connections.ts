import "server-only";
import { z } from "zod";
import { log } from "@/lib/base/log";
import {
  accepted,
  callSnapTrade,
  type Answer,
  type Api,
  type CallOptions,
  type SnapTradeCredentials,
} from "./client";
import { SnapTradeFailure } from "./failure";
import { snapTradeId } from "./id";
import { dateTime, ifLegible, itemByItem, text, type Listed } from "./item-by-item";

const yesOrNo = ifLegible(z.boolean());

const brokerageShape = z.object({
  id: snapTradeId,
  slug: ifLegible(text),
  name: ifLegible(text),
  display_name: ifLegible(text),
  aws_s3_square_logo_url: ifLegible(text),
  enabled: yesOrNo,
  maintenance_mode: yesOrNo,
  is_degraded: yesOrNo,
  allows_trading: yesOrNo,
});

/** The parts of a brokerage that people see (docs/snaptrade.md §3.8). */
export interface SeenBrokerage {
  id: string;
  slug: string;
  name: string;
  logoUrl: string | null;
  enabled: boolean;
  maintenance: boolean;
  degraded: boolean;
  allowsTrading: boolean;
}

const brokerage = brokerageShape.transform((seen): SeenBrokerage => ({
  id: seen.id,
  // Unique like a slug, but never derived from the name (docs/snaptrade.md §3.8).
  slug: seen.slug || seen.id.toUpperCase(),
  name: seen.display_name || seen.name || seen.slug || "Unnamed brokerage",
  logoUrl: seen.aws_s3_square_logo_url?.startsWith("https://") ? seen.aws_s3_square_logo_url : null,
  enabled: seen.enabled ?? true,
  maintenance: seen.maintenance_mode ?? false,
  degraded: seen.is_degraded ?? false,
  allowsTrading: seen.allows_trading ?? false,
}));

const connection = z
  .object({
    id: snapTradeId,
    created_date: ifLegible(dateTime),
    brokerage: ifLegible(brokerage),
    type: ifLegible(text),
    disabled: z.boolean(),
    disabled_date: ifLegible(dateTime),
    updated_date: ifLegible(dateTime),
  })
  .transform((seen) => ({
    id: seen.id,
    brokerage: seen.brokerage ?? null,
    access: seen.type?.toLowerCase() === "trade" ? ("trade" as const) : ("read" as const),
    connectedSince: seen.created_date ?? null,
    disabled: seen.disabled,
    disabledAt: seen.disabled ? (seen.disabled_date ?? null) : null,
    updatedAt: seen.updated_date ?? null,
  }));

/**
 * A connection as SnapTrade describes it (docs/snaptrade.md §3.2). `disabled` is never guessed: a connection
 * without it is unreadable. `brokerage` is null if that part is unreadable, and an unknown access level
 * counts as "read". `disabledAt` is null unless the connection is disabled now (§8.13).
 */
export type SeenConnection = z.infer<typeof connection>;

const syncStatus = z.object({ holdings: ifLegible(z.object({ last_successful_sync: ifLegible(dateTime) })) });

const account = z
  .object({
    id: snapTradeId,
    brokerage_authorization: snapTradeId,
    name: ifLegible(text),
    number: ifLegible(text),
    institution_account_id: ifLegible(text),
    sync_status: ifLegible(syncStatus),
  })
  .transform((seen) => ({
    id: seen.id,
    connectionId: seen.brokerage_authorization,
    institutionAccountId: seen.institution_account_id || null,
    name: seen.name || "Account",
    lastDigits: lastDigits(seen.number),
    holdingsAt: seen.sync_status?.holdings?.last_successful_sync ?? null,
  }));

export type SeenAccount = z.infer<typeof account>;

/**
 * The last characters of an account number, by which people recognize it; null if the number is so short that
 * this would reveal most of it.
 */
function lastDigits(number: string | null | undefined): string | null {
  const legible = number?.replace(/[^\p{L}\p{N}]/gu, "") ?? "";
  return legible.length >= 4 ? legible.slice(-4) : null;
}

const asUser = ({ snapTradeUserId, userSecret }: SnapTradeCredentials) => ({
  userId: snapTradeUserId,
  userSecret,
});
const inNameOf = ({ snapTradeUserId }: SnapTradeCredentials) => ({ person: snapTradeUserId });

const [connectionList, accountList, brokerageList] = [
  itemByItem(connection),
  itemByItem(account),
  itemByItem(brokerage),
];

/** Logs which items of an answer could not be read, once per answer. */
function logUnreadable<T extends { id: string }>(
  operation: string,
  answer: Answer<Listed<T>>,
): Answer<Listed<T>> {
  const { items, unreadable, reasons } = answer.data;
  if (unreadable.length > 0)
    log.error(
      { operation, read: items.length, unreadable: unreadable.length, reasons },
      "SnapTrade sent unreadable items",
    );
  return answer;
}

/**
 * Lists all connections of one user (docs/snaptrade.md §3.1). A connection in neither `items` nor
 * `unreadable` was not listed by SnapTrade.
 * @throws SnapTradeFailure
 */
export async function listConnections(
  credentials: SnapTradeCredentials,
): Promise<Answer<Listed<SeenConnection>>> {
  const call = (api: Api, options: CallOptions) =>
    api.connections.listBrokerageAuthorizations(asUser(credentials), options);
  return logUnreadable("list", await callSnapTrade("list", connectionList, call, inNameOf(credentials)));
}

/**
 * True if SnapTrade reports this connection as unknown: 404 with an error code, usually 1011. A bare 404 may
 * come from a gateway (docs/snaptrade.md §8.17). Must be checked before a connection that left the list
 * counts as deleted.
 * @throws SnapTradeFailure for any other failure
 */
export async function isConnectionGone(
  credentials: SnapTradeCredentials,
  connectionId: string,
): Promise<boolean> {
  const ids = { ...asUser(credentials), authorizationId: connectionId };
  const call = (api: Api, options: CallOptions) => api.connections.detailBrokerageAuthorization(ids, options);
  try {
    await callSnapTrade("detail", z.looseObject({}), call, inNameOf(credentials));
    return false;
  } catch (error) {
    if (error instanceof SnapTradeFailure && error.kind === "not-found")
      return error.details.code !== undefined;
    throw error;
  }
}

/**
 * Asks SnapTrade to delete a connection; it is deleted once the list no longer has it (docs/snaptrade.md
 * §3.12).
 * @throws SnapTradeFailure
 */
export async function deleteConnection(
  credentials: SnapTradeCredentials,
  connectionId: string,
): Promise<void> {
  const call = (api: Api, options: CallOptions) =>
    api.connections.deleteConnection({ ...asUser(credentials), connectionId }, options);
  await callSnapTrade("delete", accepted, call, inNameOf(credentials));
}

/**
 * Lists all accounts of one user: name, last digits, and newest holdings (docs/snaptrade.md §5.1). Must not
 * be called while the person is in the portal (§4.15).
 * @throws SnapTradeFailure
 */
export async function listAccounts(credentials: SnapTradeCredentials): Promise<Answer<Listed<SeenAccount>>> {
  const call = (api: Api, options: CallOptions) =>
    api.accountInformation.listUserAccounts(asUser(credentials), options);
  return logUnreadable("accounts", await callSnapTrade("accounts", accountList, call, inNameOf(credentials)));
}

/**
 * Lists all brokerages that SnapTrade supports, with their current status (docs/snaptrade.md §3.8).
 * Concurrent callers in this process share one request.
 * @throws SnapTradeFailure
 */
export const listBrokerages = shared(async (): Promise<Answer<Listed<SeenBrokerage>>> => {
  const call = (api: Api, options: CallOptions) => api.referenceData.listAllBrokerages(options);
  return logUnreadable("brokerages", await callSnapTrade("brokerages", brokerageList, call));
});

const authorizationType = z.object({ auth_type: ifLegible(text), brokerage: z.object({ slug: text }) });
const authorizationTypes = z.array(authorizationType.nullable().catch(null));

/**
 * Lists the slugs of brokerages whose sign-in opens its own window (docs/snaptrade.md §3.10, §4.7).
 * Concurrent callers share one request, as in listBrokerages.
 * @throws SnapTradeFailure
 */
export const listOAuthBrokerages = shared(async (): Promise<Set<string>> => {
  const call = (api: Api, options: CallOptions) =>
    api.referenceData.listAllBrokerageAuthorizationType({}, options);
  const { data } = await callSnapTrade("authorization types", authorizationTypes, call);
  const unreadable = data.filter((type) => type === null).length;
  if (unreadable > 0)
    log.error(
      { operation: "authorization types", read: data.length - unreadable, unreadable },
      "SnapTrade sent unreadable items",
    );
  return new Set(data.flatMap((type) => (type?.auth_type === "OAUTH" ? [type.brokerage.slug] : [])));
});

function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined;
  return () => (asking ??= ask().finally(() => (asking = undefined)));
}
