import type { Connection, User } from "./world";

interface Past {
  /** The connections were like this until then, on the user's clock. */
  until: number;
  connections: Connection[];
}

const keptMs = 3_600_000;
const keptPerUser = 50;

/** Each user's connections before their changes, for reads that lag. */
export class History {
  private readonly pasts = new Map<string, Past[]>();

  /** Call before each change of a user's connections, with the time when it becomes visible. */
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
