import { doubtOf } from "./doubt";
import { forgettable, project, type Observation, type Projection } from "./project";

/** How new observations change one connection's history. */
export interface Growth {
  /** New observations worth storing. */
  added: Observation[];
  /** Stored observations to delete, because they no longer affect anything. */
  forgotten: Observation[];
  projection: Projection;
  /** The time of the oldest observation, including those about to be deleted. */
  since: Date;
  /** Our clock: when the newest of the added observations reached us. */
  recordedAt: Date;
  /** The newest read among the added observations; null if there is none. */
  read: Observation | null;
  /** True if nothing was stored before. */
  first: boolean;
  /** Our clock: when to ask SnapTrade again because observations contradict each other; null if none do. */
  lookAgainAt: Date | null;
}

/**
 * Adds observations, in the order in which they arrived, to one connection's history.
 * @returns null if all of them are stored already
 */
export function grow(stored: Observation[], seen: Observation[]): Growth | null {
  const known = new Set(stored.map(keyOf));
  const history = [...stored];
  const added: Observation[] = [];
  let lookAgainAt: Date | null = null;
  for (const observation of seen) {
    if (known.has(keyOf(observation))) continue;
    known.add(keyOf(observation));
    history.push(observation);
    added.push(observation);
    const doubtMs = doubtOf(observation, history, project(history));
    const dueAt = doubtMs === null ? null : new Date(observation.recordedAt.getTime() + doubtMs);
    if (dueAt && (!lookAgainAt || dueAt < lookAgainAt)) lookAgainAt = dueAt;
  }
  const [one, ...more] = added;
  if (!one) return null;
  const dropped = new Set(forgettable(history));
  const reads = added.filter(({ answeredAt }) => answeredAt);
  return {
    added: added.filter((observation) => !dropped.has(observation)),
    forgotten: stored.filter((observation) => dropped.has(observation)),
    projection: project(history),
    since: earliest(history),
    recordedAt: more.reduce((latest, { recordedAt }) => later(latest, recordedAt), one.recordedAt),
    read: reads.reduce<Observation | null>(
      (newest, read) => (newest && newest.observedAt > read.observedAt ? newest : read),
      null,
    ),
    first: stored.length === 0,
    lookAgainAt,
  };
}

/** Two observations of one connection with the same time and state are the same statement. */
const keyOf = ({ observedAt, state }: Observation) => `${observedAt.getTime()} ${state}`;
const later = (one: Date, other: Date) => (one > other ? one : other);
const earliest = (history: Observation[]) =>
  new Date(Math.min(...history.map(({ observedAt }) => observedAt.getTime())));
