import { EventEmitter } from "node:events";
import https from "node:https";
import type { Random } from "../history/random";
import type { Owner, Scheduler } from "../scheduler";

/** One event that arrived at the company's server. */
interface Receipt {
  id: string;
  at: number;
}

/** The company's server that receives events, as lib/events sees it through node:https. */
export class Receiver {
  /** Shares of requests: answered with 500, never answered, or accepted and answered too late. */
  trouble = { fails: 0, hangs: 0, late: 0 };
  readonly receipts: Receipt[] = [];
  /** Events published after this place are for the endpoint; null while there is none. */
  addedAfter: number | null = null;
  /** When the endpoint had been removed. */
  removedAt: number | null = null;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly random: Random,
  ) {}

  httpsFor(owner: Owner): unknown {
    const request = (_: URL, { headers }: { headers: Record<string, string> }) =>
      new Sent((answer) => this.arrive(headers["webhook-id"] ?? "", owner, answer));
    return { ...https, request, default: { ...https, request } };
  }

  private arrive(id: string, owner: Owner, answer: (status: number) => void) {
    const { scheduler, random, trouble } = this;
    const dice = random.next();
    const [outMs, backMs] = [random.between(5, 60), random.between(5, 60)];
    scheduler.after(outMs, () => {
      if (dice < trouble.fails) {
        scheduler.after(backMs, () => answer(500), owner);
        return;
      }
      if (dice < trouble.fails + trouble.hangs) return;
      this.receipts.push({ id, at: scheduler.now });
      scheduler.note(`event ${id.slice(0, 8)}`);
      const isLate = dice < trouble.fails + trouble.hangs + trouble.late;
      scheduler.after(isLate ? 12_000 : backMs, () => answer(200), owner);
    });
  }
}

/** A request under way. */
class Sent extends EventEmitter {
  private over = false;

  constructor(private readonly send: (answer: (status: number) => void) => void) {
    super();
  }

  end() {
    this.send((statusCode) => {
      if (this.over) return;
      this.emit("response", Object.assign(new EventEmitter(), { statusCode }));
      this.destroy();
    });
  }

  destroy(error?: Error) {
    if (this.over) return;
    this.over = true;
    if (error) this.emit("error", error);
    this.emit("close");
  }
}
