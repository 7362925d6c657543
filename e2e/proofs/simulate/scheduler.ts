import { currentContext, inContext } from "./process/context";
import { hash, seededRandom } from "./history/random";

/** The process that owns timers; when it dies, they never fire. */
export interface Owner {
  name: string;
  alive: boolean;
  /** Frozen until then, like a machine short of memory; anything due meanwhile happens afterwards. */
  frozenUntil?: number;
}

interface Due {
  at: number;
  tie: number;
  order: number;
  owner: Owner | null;
  act: (() => void) | null;
  /** Those of the caller. */
  context: ReturnType<typeof currentContext>;
}

/**
 * The one clock. Everything happens here, one thing at a time: ordered by time, and within the same time in
 * an order that the seed decides.
 */
export class Scheduler {
  now: number;
  /** A hash of everything so far: two runs of one seed must agree on it. */
  trace = 0;
  fired = 0;
  /** Work outside the simulation (such as parsing a body) that must finish before time can advance. */
  private busy = 0;
  private order = 0;
  private readonly heap: Due[] = [];
  private readonly ties;
  /** Called after each step. */
  onStep: (() => void) | null = null;

  constructor(
    readonly startedAt: number,
    seed: string,
  ) {
    this.now = startedAt;
    this.ties = seededRandom(`${seed} ties`);
  }

  /** Virtual milliseconds since the start. */
  get elapsed() {
    return this.now - this.startedAt;
  }

  note(what: string) {
    this.trace = hash(`${this.elapsed} ${what}`, this.trace);
  }

  at(time: number, act: () => void, owner: Owner | null = null): Due {
    const due: Due = {
      at: Math.max(this.now, Math.round(time)),
      tie: this.ties.next(),
      order: this.order++,
      owner,
      act,
      context: currentContext(),
    };
    this.push(due);
    return due;
  }

  after(ms: number, act: () => void, owner: Owner | null = null): Due {
    return this.at(this.now + Math.max(0, ms), act, owner);
  }

  sleep(ms: number, owner: Owner | null = null): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve, owner));
  }

  cancel(due: Due) {
    due.act = null;
  }

  /** Stops time until `work` finishes; `work` must not wait for anything in here. */
  async outside<T>(work: () => Promise<T> | T): Promise<T> {
    this.busy++;
    try {
      return await work();
    } finally {
      this.busy--;
    }
  }

  /** Advances time to `until`, or until `stop` returns true. */
  async run(until: number, stop: () => boolean = () => false): Promise<void> {
    await this.drain();
    for (;;) {
      const due = this.heap[0];
      if (!due || due.at > until || stop()) break;
      this.pop();
      if (!due.act || due.owner?.alive === false) continue;
      if (due.owner?.frozenUntil !== undefined && due.owner.frozenUntil > due.at) {
        due.at = due.owner.frozenUntil;
        this.push(due);
        continue;
      }
      this.now = Math.max(this.now, due.at);
      this.fired++;
      const { act } = due;
      due.act = null;
      inContext(due.context, act);
      await this.drain();
      this.onStep?.();
    }
    if (!stop()) this.now = Math.max(this.now, until);
  }

  /** Resolves once no promise can make progress. */
  private async drain() {
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.busy > 0);
  }

  private push(due: Due) {
    const { heap } = this;
    let index = heap.push(due) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!earlier(heap[index], heap[parent])) break;
      this.swap(index, parent);
      index = parent;
    }
  }

  private pop() {
    const { heap } = this;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    heap[0] = last;
    for (let index = 0; ;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      let least = index;
      if (earlier(heap[left], heap[least])) least = left;
      if (earlier(heap[right], heap[least])) least = right;
      if (least === index) return;
      this.swap(index, least);
      index = least;
    }
  }

  private swap(one: number, other: number) {
    const [a, b] = [this.heap[one], this.heap[other]];
    if (a && b) [this.heap[one], this.heap[other]] = [b, a];
  }
}

function earlier(one: Due | undefined, other: Due | undefined): boolean {
  if (!one || !other) return false;
  return (one.at - other.at || one.tie - other.tie || one.order - other.order) < 0;
}
