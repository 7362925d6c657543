import { chooseLooks, silentAt, waitFor } from "@/lib/reconcile/policy";
import { type Lifetimes, type WatchedConnection } from "@/lib/connections/observations/lifetimes";

/**
 * Simulates people, connections, and breaks with lost webhooks in virtual time, and two ways to find them
 * with the same budget. Prints one line of JSON per way and size.
 */

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const looksPerMinute = 150;
const limitPerMinute = 250;
const days = 30;
const lostShare = 0.1;
const heartbeatLostShare = 0.03;

interface Brokerage {
  medianDays: number;
  spread: number;
  heartbeats: boolean;
  lifetimes: Lifetimes;
}

interface Connection {
  user: number;
  brokerage: Brokerage;
  worksSince: number;
  breaksAt: number;
  disabled: boolean;
  /** Broke, and no webhook reported it. */
  lost: boolean;
  /** The minute of the day of its daily heartbeat. */
  heartbeatOffset: number;
  lastHeartbeatAt: number;
}

/** Pseudorandom numbers, the same in every run. */
function random(seed: number) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function makeBrokerages(next: () => number): Brokerage[] {
  return [14, 21, 30, 30, 45, 60, 75, 90].map((medianDays, index) => {
    const spread = 0.08 + 0.04 * index;
    const lived = Array.from({ length: 2_000 }, () => lifetime(medianDays, spread, next)).sort(
      (one, other) => one - other,
    );
    const lifetimes = Array.from(
      { length: 19 },
      (_, at) => lived[Math.floor(((at + 1) / 20) * lived.length)] ?? 0,
    );
    return { medianDays, spread, heartbeats: index % 5 !== 4, lifetimes };
  });
}

/** Most tokens expire about when the brokerage says; one in ten ends whenever a password changes. */
function lifetime(medianDays: number, spread: number, next: () => number): number {
  if (next() < 0.1) return next() * medianDays;
  const normal = Math.sqrt(-2 * Math.log(next() + 1e-12)) * Math.cos(2 * Math.PI * next());
  return medianDays * Math.exp(spread * normal);
}

/** A priority queue, earliest first. */
class Queue {
  private readonly at: number[] = [];
  private readonly what: number[] = [];
  get size() {
    return this.at.length;
  }
  peek(): number {
    return this.at[0] ?? Number.POSITIVE_INFINITY;
  }
  push(at: number, what: number) {
    let child = this.at.push(at) - 1;
    this.what.push(what);
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if ((this.at[parent] ?? 0) <= at) break;
      this.swap(parent, child);
      child = parent;
    }
  }
  pop(): number {
    const top = this.what[0] ?? -1;
    const [at, what] = [this.at.pop() ?? 0, this.what.pop() ?? -1];
    if (this.at.length === 0) return top;
    this.at[0] = at;
    this.what[0] = what;
    for (let parent = 0; ;) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2])
        if ((this.at[child] ?? Number.POSITIVE_INFINITY) < (this.at[least] ?? 0)) least = child;
      if (least === parent) return top;
      this.swap(least, parent);
      parent = least;
    }
  }
  private swap(one: number, other: number) {
    [this.at[one], this.at[other]] = [this.at[other] ?? 0, this.at[one] ?? 0];
    [this.what[one], this.what[other]] = [this.what[other] ?? 0, this.what[one] ?? 0];
  }
}

function simulate(policy: "ours" | "round robin", users: number) {
  const next = random(20_261_121 + users);
  const brokerages = makeBrokerages(next);
  const connections: Connection[] = [];
  const own: number[][] = Array.from({ length: users }, () => []);
  for (let user = 0; user < users; user++) {
    // One in five only signed up.
    const count = next() < 0.2 ? 0 : next() < 0.65 ? 1 : 2;
    for (let index = 0; index < count; index++) {
      const brokerage = brokerages[Math.floor(next() * brokerages.length)];
      if (!brokerage) continue;
      const lives = lifetime(brokerage.medianDays, brokerage.spread, next) * dayMs;
      const worksSince = -next() * lives;
      // One in four is broken, and its owner hasn't returned for it.
      const disabled = next() < 0.25;
      const heartbeatOffset = Math.floor(next() * 1440) * minuteMs;
      own[user]?.push(connections.length);
      connections.push({
        user,
        brokerage,
        worksSince,
        breaksAt: worksSince + lives,
        disabled,
        lost: false,
        heartbeatOffset,
        lastHeartbeatAt: heartbeatOffset - dayMs,
      });
    }
  }
  const breaks = new Queue();
  const repairs = new Queue();
  const silences = new Queue();
  for (const [index, connection] of connections.entries()) {
    if (!connection.disabled) breaks.push(connection.breaksAt, index);
    else repairs.push(next() * 60 * dayMs, index);
  }
  const lookedAt = new Float64Array(users).map(() => -next() * users * (minuteMs / looksPerMinute));
  const waits = new Queue();
  const stalest = new Queue();
  for (let user = 0; user < users; user++) {
    waits.push(lookedAt[user] ?? 0, user);
    stalest.push(lookedAt[user] ?? 0, user);
  }

  const upSince = new Date(-40 * dayMs);
  const found: number[] = [];
  let [calls, violations, turn, watched] = [0, 0, 0, 0];
  const view = (connection: Connection): WatchedConnection => ({
    enabled: !connection.disabled || connection.lost,
    worksSince: new Date(connection.worksSince),
    lifetimes: connection.brokerage.lifetimes,
  });
  const isWatched = (user: number) =>
    (own[user] ?? []).some((index) => connections[index] && view(connections[index]).enabled);

  function breakUntil(now: number) {
    while (breaks.peek() <= now) {
      const index = breaks.pop();
      const connection = connections[index];
      if (!connection || connection.disabled) continue;
      connection.disabled = true;
      connection.lost = next() < lostShare;
      const { heartbeats } = connection.brokerage;
      // The last heartbeat before the break, unless it was lost on the way; none follow it.
      const missed = heartbeats && next() < heartbeatLostShare ? 1 : 0;
      const heartbeat = Math.floor((connection.breaksAt - connection.heartbeatOffset) / dayMs) - missed;
      connection.lastHeartbeatAt = heartbeat * dayMs + connection.heartbeatOffset;
      const silent = heartbeats
        ? silentAt(
            { heartbeats: 9, lastHeartbeatAt: new Date(connection.lastHeartbeatAt), gapMs: dayMs },
            upSince,
          )
        : null;
      if (connection.lost && silent) silences.push(silent.getTime(), index);
      if (!connection.lost) repairLater(index, now);
    }
    while (repairs.peek() <= now) {
      const index = repairs.pop();
      const connection = connections[index];
      if (!connection) continue;
      if (!isWatched(connection.user))
        stalest.push(Math.max(lookedAt[connection.user] ?? 0, now), connection.user);
      connection.disabled = false;
      connection.worksSince = now;
      connection.breaksAt =
        now + lifetime(connection.brokerage.medianDays, connection.brokerage.spread, next) * dayMs;
      breaks.push(connection.breaksAt, index);
    }
  }

  /** Three of four return within days, the rest almost never. */
  function repairLater(index: number, now: number) {
    repairs.push(now + (next() < 0.75 ? 2 : 90) * dayMs * -Math.log(next() + 1e-12), index);
  }

  function look(user: number, now: number) {
    calls++;
    lookedAt[user] = now;
    for (const index of own[user] ?? []) {
      const connection = connections[index];
      if (!connection?.lost) continue;
      found.push(now - connection.breaksAt);
      connection.lost = false;
      repairLater(index, now);
    }
  }

  /**
   * Takes up to `limit` people off a queue whose entry is still current, and requeues the rest at their
   * proper time.
   */
  function due(queue: Queue, now: number, limit: number, at: (user: number) => number): string[] {
    const taken: string[] = [];
    while (taken.length < limit && queue.peek() <= now) {
      const user = queue.pop();
      if (queue === stalest && !isWatched(user)) continue;
      const really = at(user);
      if (really > now) queue.push(really, user);
      else taken.push(String(user));
    }
    return taken;
  }

  const end = days * dayMs;
  for (let now = 0; now < end; now += minuteMs) {
    breakUntil(now);
    const before = calls;
    if (policy === "round robin") {
      for (let made = 0; made < Math.min(looksPerMinute, users); made++) look(turn++ % users, now);
    } else {
      if (now % dayMs === 0) watched = own.filter((_, user) => isWatched(user)).length;
      const periodMs = (watched / looksPerMinute) * minuteMs;
      const waitOf = (user: number) =>
        (lookedAt[user] ?? 0) +
        waitFor(
          (own[user] ?? []).flatMap((index) => connections[index] ?? []).map(view),
          periodMs,
          new Date(now),
        );
      const silent: string[] = [];
      while (silences.peek() <= now && silent.length < looksPerMinute) {
        const connection = connections[silences.pop()];
        if (connection?.lost) silent.push(String(connection.user));
      }
      const risky = due(waits, now, looksPerMinute, waitOf);
      const oldest = due(stalest, now - minuteMs, looksPerMinute, (user) => lookedAt[user] ?? 0);
      const chosen = chooseLooks({ inPortal: [], due: [], silent, risky, stalest: oldest }, looksPerMinute);
      for (const user of chosen) look(Number(user), now);
      for (const user of risky) waits.push(waitOf(Number(user)), Number(user));
      for (const user of oldest) stalest.push(lookedAt[Number(user)] ?? 0, Number(user));
    }
    if (calls - before > limitPerMinute) violations++;
  }
  const sum = found.reduce((total, ms) => total + ms, 0);
  return {
    policy,
    users,
    found: found.length,
    meanHours: sum / found.length / hourMs,
    worstHours: found.reduce((worst, ms) => Math.max(worst, ms), 0) / hourMs,
    callsPerUserAndDay: calls / users / days,
    violations,
  };
}

for (const users of process.argv.slice(2).map(Number)) {
  for (const policy of ["round robin", "ours"] as const) console.log(JSON.stringify(simulate(policy, users)));
}
