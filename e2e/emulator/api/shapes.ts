import { stableId } from "../world/brokerages";
import { isoDate, isoTime, isoTimeWithOffset, syncTime } from "../world/clock";
import { lastHoldingsSync } from "../world/connections";
import type { Account, Connection, ListedBrokerage, User, World } from "../world/model";

export function brokerageShape(brokerage: ListedBrokerage) {
  const { id, slug, name, displayName, url, enabled, maintenance_mode, is_degraded } = brokerage;
  return {
    id,
    slug,
    name,
    display_name: displayName,
    description: `${displayName} in the local emulator`,
    aws_s3_logo_url: `https://logos.invalid/${slug.toLowerCase()}.png`,
    aws_s3_square_logo_url: null,
    url,
    enabled,
    maintenance_mode,
    is_degraded,
    allows_trading: brokerage.allowsTrading,
    brokerage_type: { id: stableId(brokerage.type), name: brokerage.type },
    allows_fractional_units: false,
    has_reporting: true,
    is_real_time_connection: false,
    exchanges: [],
    open_url: null,
  };
}

export function connectionShape(world: World, user: User, connection: Connection) {
  const brokerage = world.brokerage(connection.slug, user);
  const freshness = world.settingsOf(user).dataFreshness;
  return {
    id: connection.id,
    created_date: isoTime(connection.createdAt),
    brokerage: brokerage && brokerageShape(brokerage),
    name: connection.name,
    type: connection.type,
    disabled: connection.disabled,
    disabled_date: connection.disabledAt === null ? null : isoTimeWithOffset(connection.disabledAt),
    data_freshness_mode:
      freshness === "string" ? "delayed" : { institution: "realtime", snaptrade: "delayed" },
    is_eligible_for_payout: false,
    updated_date: isoTime(connection.updatedAt),
    meta: { identifier: connection.login },
  };
}

export function accountShape(world: World, user: User, connection: Connection, account: Account) {
  const syncedAt = lastHoldingsSync(connection, world.now(user));
  return {
    id: account.id,
    brokerage_authorization: connection.id,
    name: account.name,
    number: account.number,
    institution_account_id: account.institutionAccountId,
    institution_name: world.brokerage(connection.slug)?.displayName ?? connection.slug,
    created_date: isoTime(connection.createdAt),
    funding_date: null,
    opening_date: null,
    sync_status: {
      transactions: {
        initial_sync_completed: true,
        last_successful_sync: isoDate(syncedAt),
        first_transaction_date: isoDate(connection.createdAt),
      },
      holdings: { initial_sync_completed: true, last_successful_sync: syncTime(syncedAt) },
    },
    balance: { total: { amount: account.amount, currency: account.currency } },
    status: "open",
    raw_type: account.name,
    account_category: "INVESTMENT",
    is_paper: false,
    meta: {},
    cash_restrictions: [],
  };
}
