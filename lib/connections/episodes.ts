/** Who brought it: SnapTrade by itself, or a look that the timer, a person, or a trip to the portal made. */
export type Source = "webhook" | "timer" | "person" | "portal";

/** "This connection was in this state, as of this moment, and this is who said so." */
export interface Observation {
  state: "enabled" | "disabled" | "deleted";
  /** SnapTrade's clock: the event's time, or the Date of its answer. */
  observedAt: Date;
  /** When it broke, where the statement says so. */
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

/** Of two statements about the same moment the worse one stands, so that the order in which they came cannot matter. */
const rank = { enabled: 0, disabled: 1, deleted: 2 } as const;

function byTime(one: Observation, other: Observation): number {
  return one.observedAt.getTime() - other.observedAt.getTime() || rank[one.state] - rank[other.state];
}

/**
 * What all observations of one connection add up to. It depends on the set alone: any order and any repetition give the same result.
 * The newest statement is the state, "deleted" is final, and each run of "disabled" is one episode.
 * @param observations at least one
 * @throws RangeError when there is none
 */
export function project(observations: Observation[]): Projection {
  const ordered = [...observations].sort(byTime);
  const end = ordered.findIndex((observation) => observation.state === "deleted");
  const counted = end < 0 ? ordered : ordered.slice(0, end + 1);
  const newest = counted.at(-1);
  if (!newest) throw new RangeError("A connection that was never observed has no state");

  const episodes: Episode[] = [];
  let open: Episode | null = null;
  let enabledAt = new Date(0);
  for (const observation of counted) {
    if (observation.state === "disabled") {
      open = open ? widen(open, observation, enabledAt) : begin(observation, enabledAt);
      continue;
    }
    if (observation.state === "enabled") enabledAt = observation.observedAt;
    if (!open) continue;
    const endedHow = observation.state === "enabled" ? ("fixed" as const) : ("deleted" as const);
    episodes.push({ ...open, endedAt: observation.observedAt, endedHow });
    open = null;
  }
  if (open) episodes.push(open);
  return { state: newest.state, observedAt: newest.observedAt, disabledAt: open?.brokeAt ?? null, episodes };
}

/**
 * The observations before a moment that add nothing: neighbours on both sides say the same, and they know no earlier time for it.
 * Without them `project` gives the same result.
 */
export function forgettable(observations: Observation[], before: Date): Observation[] {
  const ordered = [...observations].sort(byTime);
  let first: Observation | undefined;
  return ordered.filter((observation, index) => {
    if (observation.state !== first?.state) first = observation;
    const inside = observation !== first && ordered[index + 1]?.state === observation.state;
    const knowsMore = observation.recordedAt < first.recordedAt || observation.disabledAt?.getTime() !== first.disabledAt?.getTime();
    return inside && observation.observedAt < before && (observation.state === "enabled" || !knowsMore);
  });
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

/** A further statement about the same break may know an earlier time for it, or may have reached us first. */
function widen(open: Episode, observation: Observation, enabledAt: Date): Episode {
  const brokeAt = breakTime(observation, enabledAt);
  const first = observation.recordedAt < open.noticedAt ? { noticedAt: observation.recordedAt, noticedBy: observation.source } : {};
  return { ...open, brokeAt: brokeAt < open.brokeAt ? brokeAt : open.brokeAt, ...first };
}

/** SnapTrade's own date of the break, unless it lies before a moment at which the connection is known to have worked. */
function breakTime({ disabledAt, observedAt }: Observation, enabledAt: Date): Date {
  return disabledAt && disabledAt > enabledAt && disabledAt < observedAt ? disabledAt : observedAt;
}
