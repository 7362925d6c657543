import { type Brokerage, stableId } from "./brokerages";
import { days, minutes } from "./clock";
import { recordEvent } from "./events";
import type { Account, Connection, User, World } from "./model";

interface NewConnection {
  brokerage: Brokerage;
  id?: string;
  type?: "read" | "trade";
  login?: string;
  name?: string;
  createdAt?: number;
  disabledAt?: number | null;
  dataAsOf?: number;
  accounts?: { name: string; number: string }[];
  shared?: boolean;
}

export function addConnection(world: World, user: User, wanted: NewConnection): Connection {
  const { brokerage, disabledAt = null } = wanted;
  const createdAt = wanted.createdAt ?? (disabledAt === null ? world.now(user) : disabledAt - days(45));
  const login = wanted.login ?? world.chance.uuid();
  const connection: Connection = {
    id: wanted.id ?? world.chance.uuid(),
    slug: brokerage.slug,
    login,
    name: wanted.name ?? `Connection-${user.connections.length + 1}`,
    type: wanted.type ?? "read",
    createdAt,
    updatedAt: disabledAt ?? createdAt,
    disabled: disabledAt !== null,
    disabledAt,
    syncedAt: wanted.dataAsOf ?? (disabledAt === null ? createdAt : disabledAt - minutes(40)),
    announcedAt: world.now(user),
    refreshedAt: null,
    repairAt: null,
    deleteAt: null,
    shared: wanted.shared ?? false,
    accounts: (wanted.accounts ?? usualAccounts(world, brokerage)).map((account, index) =>
      newAccount(world, brokerage, login, account, index),
    ),
  };
  world.history.keep(user, world.now(user));
  user.connections.push(connection);
  const ids = { brokerageAuthorizationId: connection.id };
  recordEvent(world, user, "CONNECTION_ADDED", { brokerageId: brokerage.id, ...ids }, createdAt);
  for (const { id } of connection.accounts)
    recordEvent(world, user, "NEW_ACCOUNT_AVAILABLE", { accountId: id, ...ids }, createdAt);
  if (disabledAt !== null) recordEvent(world, user, "CONNECTION_BROKEN", ids, disabledAt);
  return connection;
}

export function breakConnection(world: World, user: User, connection: Connection, at = world.now(user)) {
  world.history.keep(user, world.now(user));
  connection.syncedAt = Math.min(lastHoldingsSync(connection, world.now(user)), at);
  connection.disabled = true;
  connection.disabledAt = at;
  connection.updatedAt = at;
  connection.repairAt = null;
  recordEvent(world, user, "CONNECTION_BROKEN", { brokerageAuthorizationId: connection.id }, at);
}

/** Applies a successful sign-in to an existing connection, at once or after the configured delay. */
export function repairConnection(world: World, user: User, connection: Connection) {
  const now = world.now(user);
  const delay = world.settingsOf(user).repairDelaySeconds * 1000;
  if (!connection.disabled || delay === 0) {
    finishRepair(world, user, connection, now);
    return;
  }
  connection.repairAt = now + delay;
  world.changed();
}

export function finishRepair(world: World, user: User, connection: Connection, at: number) {
  world.history.keep(user, at);
  const eventType = connection.disabled ? "CONNECTION_FIXED" : "CONNECTION_UPDATED";
  connection.disabled = false;
  if (!world.settingsOf(user).keepDisabledDate) connection.disabledAt = null;
  connection.syncedAt = at;
  connection.announcedAt = at;
  connection.updatedAt = at;
  connection.repairAt = null;
  recordEvent(world, user, eventType, { brokerageAuthorizationId: connection.id }, at);
}

export function queueRemoval(world: World, user: User, connection: Connection) {
  const { removal, deleteDelaySeconds } = world.settingsOf(user);
  if (removal === "lost-job") return;
  connection.deleteAt ??= world.now(user) + deleteDelaySeconds * 1000;
  world.changed();
}

export function removeConnection(world: World, user: User, connection: Connection, at = world.now(user)) {
  world.history.keep(user, at);
  user.connections = user.connections.filter((other) => other !== connection);
  const brokerageId = world.brokerage(connection.slug)?.id ?? "";
  recordEvent(
    world,
    user,
    "CONNECTION_DELETED",
    { brokerageId, brokerageAuthorizationId: connection.id },
    at,
  );
}

/**
 * A working connection is synced daily at the hour it was created; a disabled one keeps its last sync
 * (docs/snaptrade.md §5.3).
 */
export function lastHoldingsSync(connection: Connection, now: number): number {
  if (connection.disabled) return connection.syncedAt;
  const fullDays = Math.max(0, Math.floor((now - connection.createdAt) / days(1)));
  return Math.max(connection.syncedAt, connection.createdAt + days(fullDays));
}

/**
 * Announces each daily update since the last announced one; after a jump of the clock, only the newest ones.
 */
export function announceDailyHoldings(world: World, user: User, connection: Connection) {
  if (connection.disabled) return;
  const newest = lastHoldingsSync(connection, world.now(user));
  if (newest <= connection.announcedAt) return;
  const missed = Math.min(maxDaysShown, Math.ceil((newest - connection.announcedAt) / days(1)));
  for (let day = missed - 1; day >= 0; day--) announceHoldings(world, user, connection, newest - days(day));
  connection.announcedAt = newest;
}

const maxDaysShown = 40;

export function announceHoldings(world: World, user: User, connection: Connection, at = world.now(user)) {
  const done = { success: true, error: null };
  const brokerageId = world.brokerage(connection.slug)?.id ?? "";
  const details = { total_value: done, positions: done, balances: done, orders: done };
  for (const { id: accountId } of connection.accounts) {
    const members = { accountId, brokerageId, brokerageAuthorizationId: connection.id, details };
    recordEvent(world, user, "ACCOUNT_HOLDINGS_UPDATED", members, at);
  }
}

const accountNames = {
  CA: ["TFSA", "RRSP", "Margin", "FHSA"],
  US: ["Individual", "Roth IRA", "Joint"],
  other: ["Trading account", "Savings plan"],
};

function usualAccounts(world: World, brokerage: Brokerage): { name: string; number: string }[] {
  const names = brokerage.type === "Crypto Exchange" ? ["Spot wallet"] : accountNames[brokerage.country];
  return names
    .slice(0, world.chance.int(1, Math.min(3, names.length) + 1))
    .map((name) => ({ name, number: `…${world.chance.int(1000, 10_000)}` }));
}

function newAccount(
  world: World,
  brokerage: Brokerage,
  login: string,
  account: { name: string; number: string },
  index: number,
): Account {
  return {
    id: world.chance.uuid(),
    institutionAccountId: stableId(`account ${brokerage.slug} ${login} ${index}`),
    ...account,
    currency: brokerage.country === "CA" ? "CAD" : "USD",
    amount: world.chance.int(50_000, 12_000_000) / 100,
  };
}
