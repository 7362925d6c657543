import "server-only";
import { z } from "zod";
import { callSnapTrade, type Answer, type SnapTradeCredentials } from "./client";
import { SnapTradeFailure } from "./failure";

const dateTime = z.string().transform((text, context) => {
  // Sync times come with a blank instead of the T (FACTS 5.10).
  const time = Date.parse(text.replace(/^(\d{4}-\d\d-\d\d) /, "$1T"));
  if (!Number.isNaN(time)) return new Date(time);
  context.addIssue("not a date and time");
  return z.NEVER;
});

const brokerageShape = z.object({
  id: z.uuid(),
  slug: z.string().min(1),
  name: z.string().nullish(),
  display_name: z.string().nullish(),
  aws_s3_square_logo_url: z.string().nullish(),
  enabled: z.boolean().nullish(),
  maintenance_mode: z.boolean().nullish(),
  is_degraded: z.boolean().nullish(),
  allows_trading: z.boolean().nullish(),
});

/** A brokerage as far as people meet it (FACTS 5.2). */
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
  slug: seen.slug,
  name: seen.display_name || seen.name || seen.slug,
  logoUrl: seen.aws_s3_square_logo_url?.startsWith("https://") ? seen.aws_s3_square_logo_url : null,
  enabled: seen.enabled ?? true,
  maintenance: seen.maintenance_mode ?? false,
  degraded: seen.is_degraded ?? false,
  allowsTrading: seen.allows_trading ?? false,
}));

const connection = z
  .object({
    id: z.uuid(),
    created_date: dateTime.nullish(),
    brokerage,
    type: z.enum(["read", "trade"]).nullish(),
    disabled: z.boolean(),
    disabled_date: dateTime.nullish(),
    updated_date: dateTime.nullish(),
  })
  .transform((seen) => ({
    id: seen.id,
    brokerage: seen.brokerage,
    access: seen.type ?? ("read" as const),
    connectedSince: seen.created_date ?? null,
    disabled: seen.disabled,
    disabledAt: seen.disabled ? (seen.disabled_date ?? null) : null,
    updatedAt: seen.updated_date ?? null,
  }));

/** A connection as SnapTrade tells it (FACTS 5.2). `disabled` is never guessed: an answer without it is refused. */
export type SeenConnection = z.infer<typeof connection>;

const account = z
  .object({
    id: z.uuid(),
    brokerage_authorization: z.uuid(),
    name: z.string().nullish(),
    number: z.string().nullish(),
    institution_account_id: z.string().nullish(),
    sync_status: z.object({ holdings: z.object({ last_successful_sync: dateTime.nullish() }).nullish() }).nullish(),
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

/** The end of an account number that people recognise; a number so short that this would be most of it gives nothing. */
function lastDigits(number: string | null | undefined): string | null {
  const legible = number?.replace(/[^\p{L}\p{N}]/gu, "") ?? "";
  return legible.length >= 4 ? legible.slice(-4) : null;
}

const asUser = ({ snapTradeUserId, userSecret }: SnapTradeCredentials) => ({ userId: snapTradeUserId, userSecret });

/**
 * All connections of one user; what is not among them does not exist there (FACTS 5.1).
 * @throws SnapTradeFailure
 */
export function listConnections(credentials: SnapTradeCredentials): Promise<Answer<SeenConnection[]>> {
  return callSnapTrade("list", z.array(connection), (api) => api.connections.listBrokerageAuthorizations(asUser(credentials)));
}

/**
 * True when SnapTrade says that this connection is unknown (404, code 1011). Asked before a connection that left the list counts as gone.
 * @throws SnapTradeFailure for any other failure
 */
export async function isConnectionGone(credentials: SnapTradeCredentials, connectionId: string): Promise<boolean> {
  try {
    await callSnapTrade("detail", z.looseObject({}), (api) =>
      api.connections.detailBrokerageAuthorization({ ...asUser(credentials), authorizationId: connectionId }),
    );
    return false;
  } catch (error) {
    if (error instanceof SnapTradeFailure && error.kind === "not-found") return true;
    throw error;
  }
}

/**
 * Asks SnapTrade to delete a connection; it is gone when the list no longer has it (FACTS 5.5).
 * @throws SnapTradeFailure
 */
export async function deleteConnection(credentials: SnapTradeCredentials, connectionId: string): Promise<void> {
  await callSnapTrade("delete", z.looseObject({}), (api) => api.connections.deleteConnection({ ...asUser(credentials), connectionId }));
}

/**
 * All accounts of one user: name, end of the number, newest holdings. Not to be asked for while the person is in the portal (FACTS 4.9).
 * @throws SnapTradeFailure
 */
export function listAccounts(credentials: SnapTradeCredentials): Promise<Answer<SeenAccount[]>> {
  return callSnapTrade("accounts", z.array(account), (api) => api.accountInformation.listUserAccounts(asUser(credentials)));
}

/**
 * All brokerages that SnapTrade knows, with their present trouble (FACTS 5.1).
 * @throws SnapTradeFailure
 */
export function listBrokerages(): Promise<Answer<SeenBrokerage[]>> {
  return callSnapTrade("brokerages", z.array(brokerage), (api) => api.referenceData.listAllBrokerages());
}

const authorizationType = z.object({ auth_type: z.string().nullish(), brokerage: z.object({ slug: z.string() }) });

/**
 * The slugs of brokerages whose sign-in opens a window of their own (FACTS 4.2).
 * @throws SnapTradeFailure
 */
export async function listOAuthBrokerages(): Promise<Set<string>> {
  const { data } = await callSnapTrade("authorization types", z.array(authorizationType), (api) =>
    api.referenceData.listAllBrokerageAuthorizationType({}),
  );
  return new Set(data.filter((type) => type.auth_type === "OAUTH").map((type) => type.brokerage.slug));
}
