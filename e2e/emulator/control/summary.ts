import { brokerageShape, connectionShape } from "../api/shapes";
import { isoTime } from "../world/clock";
import type { User, World } from "../world/model";

export function summariseState(world: World) {
  world.applyDue();
  return {
    now: isoTime(world.now()),
    clientId: world.partner.clientId,
    settings: world.settings,
    faults: world.faults,
    brokerages: world.listBrokerages().map(brokerageShape),
    users: [...world.users.values()].map((user) => summariseUser(world, user)),
    sessions: [...world.sessions.values()].map(({ sessionId, userId, redeemed, wanted, ending }) => ({
      sessionId,
      userId,
      redeemed,
      reconnect: wanted.reconnect ?? null,
      broker: wanted.broker ?? null,
      ending,
    })),
    requests: world.requests.slice(-200),
    mail: world.mail.length,
  };
}

export function summariseUser(world: World, user: User) {
  return {
    userId: user.userId,
    now: isoTime(world.now(user)),
    connections: user.connections.map((connection) => ({
      ...connectionShape(world, user, connection),
      shared: connection.shared,
      queuedForDeletion: connection.deleteAt !== null,
      accounts: connection.accounts,
    })),
    events: world.events.get(user.userId) ?? [],
    settings: world.settingsOf(user),
    faults: world.faults.filter(({ userId }) => userId === user.userId),
    requests: world.requests
      .filter(({ userId }) => userId === user.userId)
      .map(({ method, path, status, at }) => ({ method, path, status, at })),
  };
}
