const windowMs = 60_000;

export interface Allowance {
  allowed: boolean;
  limit: number;
  remaining: number;
  resetSeconds: number;
}

/** Counts requests per key over a rolling minute (docs/snaptrade.md §1.10). Refused requests don't count. */
export class RateLimit {
  private taken = new Map<string, number[]>();

  take(key: string, limit: number, now: number): Allowance {
    const recent = this.recent(key, now);
    const allowed = recent.length < limit;
    if (allowed) recent.push(now);
    return this.describe(recent, allowed, limit, now);
  }

  peek(key: string, limit: number, now: number): Allowance {
    const recent = this.recent(key, now);
    return this.describe(recent, recent.length < limit, limit, now);
  }

  private recent(key: string, now: number): number[] {
    const recent = this.taken.get(key) ?? [];
    const past = recent.findIndex((at) => at > now - windowMs);
    recent.splice(0, past === -1 ? recent.length : past);
    this.taken.set(key, recent);
    return recent;
  }

  private describe(recent: number[], allowed: boolean, limit: number, now: number): Allowance {
    const oldest = recent[0] ?? now;
    const resetSeconds = Math.max(1, Math.ceil((oldest + windowMs - now) / 1000));
    return { allowed, limit, remaining: Math.max(0, limit - recent.length), resetSeconds };
  }
}
