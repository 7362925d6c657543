import type { Connection, User } from "./model";

interface Past {
  /** On the user's clock: the connections looked like this until then. */
  until: number;
  connections: Connection[];
}

const keptMs = 3_600_000;
const keptPerUser = 50;

/** Keeps each user's connections as they were before each change, for reads that lag. */
export class History {
  private readonly pasts = new Map<string, Past[]>();

  /** Call before each change to a user's connections, with the time at which it becomes visible. */
  keep(user: User, now: number) {
    const pasts = (this.pasts.get(user.userId) ?? []).filter(({ until }) => until > now - keptMs);
    pasts.push({ until: now, connections: structuredClone(user.connections) });
    this.pasts.set(user.userId, pasts.slice(-keptPerUser));
  }

  connectionsAt(user: User, at: number): Connection[] {
    return this.pasts.get(user.userId)?.find(({ until }) => until > at)?.connections ?? user.connections;
  }

  forget(userId: string) {
    this.pasts.delete(userId);
  }

  clear() {
    this.pasts.clear();
  }
}
