/** Who reported it: SnapTrade by webhook, or a look on behalf of the timer, a person, or a portal session. */
export type Source = "webhook" | "timer" | "person" | "portal";

/** "This connection was in this state at this moment, according to this source." */
export interface Observation {
  state: "enabled" | "disabled" | "deleted";
  /**
   * SnapTrade's clock: an event's timestamp (docs/snaptrade.md §7.2). For a read, the moment we asked, since
   * an answer says nothing about what happened after the question.
   */
  observedAt: Date;
  /**
   * SnapTrade's clock, for reads only: when it answered. The state was true at some moment between the two.
   */
  answeredAt: Date | null;
  /** When it broke, if the source says so. */
  disabledAt: Date | null;
  source: Source;
  /** Our clock: when it reached us. */
  recordedAt: Date;
}

export interface Episode {
  brokeAt: Date;
  noticedAt: Date;
  noticedBy: Observation["source"];
  endedAt: Date | null;
  endedHow: "fixed" | "deleted" | null;
}

export interface Projection {
  state: Observation["state"];
  observedAt: Date;
  disabledAt: Date | null;
  episodes: Episode[];
}

const minuteMs = 60_000;
/**
 * Reads may lag behind events (docs/snaptrade.md §8.2). A contradiction within this time is a lagging read,
 * not a new break.
 */
const lagMs = 10 * minuteMs;
/** A signed deletion outranks reads for this long; a connection that is still listed afterwards is alive. */
const deletionStandsMs = 5 * minuteMs;
/** How many observations we keep per connection. Episodes are kept regardless. */
export const maxKept = 200;

/** Of two observations dated the same moment, the worse one wins, so that arrival order doesn't matter. */
const rank = { enabled: 0, disabled: 1, deleted: 2 } as const;

function byTime(one: Observation, other: Observation): number {
  return one.observedAt.getTime() - other.observedAt.getTime() || rank[one.state] - rank[other.state];
}

/**
 * What all observations of one connection add up to, in any order and with any repetition. The newest one is
 * the state, and each run of "disabled" is one episode. A deletion stands until SnapTrade lists the
 * connection again.
 * @throws RangeError for an empty list
 */
export function project(observations: Observation[]): Projection {
  const fold = new Fold();
  for (const observation of [...observations].sort(byTime)) fold.add(observation);
  return fold.result();
}

class Fold {
  private newest: Pick<Projection, "state" | "observedAt"> | null = null;
  private episodes: Episode[] = [];
  private enabledAt = new Date(0);
  /** When SnapTrade signed the deletion; null for one inferred from a read, which the next list may undo. */
  private signedDeletionAt: Date | null = null;

  /** @returns false for an observation that a deletion overrules */
  add(observation: Observation): boolean {
    const { state, observedAt, source } = observation;
    if (state === "deleted") {
      if (source === "webhook") this.signedDeletionAt = observedAt;
      if (this.newest?.state !== "deleted") this.delete(observedAt);
      return true;
    }
    if (this.newest?.state === "deleted" && !this.revives(observation)) return false;
    this.newest = { state, observedAt };
    if (state === "enabled") this.enable(observedAt);
    else this.disable(observation);
    return true;
  }

  result(): Projection {
    if (!this.newest) throw new RangeError("A connection without observations has no state");
    return { ...this.newest, disabledAt: this.open()?.brokeAt ?? null, episodes: this.episodes };
  }

  private open(): Episode | null {
    const last = this.episodes.at(-1);
    return last && !last.endedAt ? last : null;
  }

  private delete(at: Date) {
    this.newest = { state: "deleted", observedAt: at };
    this.close(at, "deleted");
  }

  private enable(at: Date) {
    this.enabledAt = at;
    this.close(at, "fixed");
  }

  private disable(observation: Observation) {
    const last = this.episodes.at(-1);
    if (last && (!last.endedAt || this.contradicts(observation, last)))
      this.replaceLast(widen(last, observation, this.enabledAt));
    else this.episodes.push(begin(observation, this.enabledAt));
  }

  private close(at: Date, how: "fixed" | "deleted") {
    const open = this.open();
    if (open) this.replaceLast({ ...open, endedAt: at, endedHow: how });
  }

  private replaceLast(episode: Episode) {
    this.episodes[this.episodes.length - 1] = episode;
  }

  private revives({ observedAt, source }: Observation): boolean {
    const signed = this.signedDeletionAt;
    if (signed && (source === "webhook" || observedAt.getTime() <= signed.getTime() + deletionStandsMs))
      return false;
    const last = this.episodes.at(-1);
    if (last?.endedHow === "deleted") this.replaceLast({ ...last, endedAt: null, endedHow: null });
    this.signedDeletionAt = null;
    return true;
  }

  /** Whether this report continues the previous break, because its repair was announced too early. */
  private contradicts({ disabledAt, observedAt }: Observation, last: Episode): boolean {
    if (last.endedHow !== "fixed" || !last.endedAt || !disabledAt || disabledAt > last.endedAt) return false;
    return observedAt.getTime() - this.enabledAt.getTime() <= lagMs;
  }
}

/**
 * The observations we can drop: reads between neighbors with the same state, and the oldest beyond maxKept,
 * cut where the connection worked. Dropping the reads changes no projection, except that a break reported
 * late may seem to have ended later.
 */
export function forgettable(observations: Observation[]): Observation[] {
  const ordered = [...observations].sort(byTime);
  const fold = new Fold();
  const counted = new Set(ordered.filter((observation) => fold.add(observation)));
  const repeated = ordered.filter((observation, index) => isRepeated(observation, index, ordered, counted));
  const kept = ordered.filter((observation) => !repeated.includes(observation));
  if (kept.length <= maxKept) return repeated;
  const cut = kept.findIndex(({ state }, index) => state === "enabled" && kept.length - index <= maxKept);
  return [...repeated, ...(cut < 0 ? kept.slice(1, 1 + kept.length - maxKept) : kept.slice(0, cut))];
}

/**
 * Whether a read between equal neighbors adds nothing to what the rest of its run says about the break. The
 * first one of a run that counts is always kept.
 */
function isRepeated(
  observation: Observation,
  index: number,
  ordered: Observation[],
  counted: Set<Observation>,
): boolean {
  const [before, after] = [ordered[index - 1], ordered[index + 1]];
  if (
    observation.source === "webhook" ||
    before?.state !== observation.state ||
    after?.state !== observation.state
  )
    return false;
  const begins =
    ordered.findLastIndex(({ state }, place) => place < index && state !== observation.state) + 1;
  const run = ordered.slice(begins, index).filter((other) => counted.has(other) === counted.has(observation));
  if (run.length === 0) return false;
  if (observation.state !== "disabled") return true;
  const { disabledAt, recordedAt } = observation;
  const knowsBreak = !disabledAt || run.some((other) => other.disabledAt?.getTime() === disabledAt.getTime());
  return knowsBreak && run.some((other) => other.recordedAt <= recordedAt);
}

function begin(observation: Observation, enabledAt: Date): Episode {
  return {
    brokeAt: breakTime(observation, enabledAt),
    noticedAt: observation.recordedAt,
    noticedBy: observation.source,
    endedAt: null,
    endedHow: null,
  };
}

/** Another report of the same break may give an earlier time for it, or may have reached us first. */
function widen(last: Episode, observation: Observation, enabledAt: Date): Episode {
  const brokeAt = last.endedAt ? last.brokeAt : breakTime(observation, enabledAt);
  const first =
    observation.recordedAt < last.noticedAt
      ? { noticedAt: observation.recordedAt, noticedBy: observation.source }
      : {};
  return {
    ...last,
    endedAt: null,
    endedHow: null,
    brokeAt: brokeAt < last.brokeAt ? brokeAt : last.brokeAt,
    ...first,
  };
}

/** SnapTrade's date of the break, unless the connection is known to have worked after it. */
function breakTime({ disabledAt, observedAt }: Observation, enabledAt: Date): Date {
  return disabledAt && disabledAt > enabledAt && disabledAt < observedAt ? disabledAt : observedAt;
}

/** Whether a break at `brokeAt` falls into one of these incidents at its brokerage. */
export function isInIncident(
  brokeAt: Date | null,
  incidents: { beganAt: Date; endedAt?: Date | null }[],
): boolean {
  return incidents.some(
    ({ beganAt, endedAt }) => brokeAt && beganAt <= brokeAt && (!endedAt || brokeAt <= endedAt),
  );
}
