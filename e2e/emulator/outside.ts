/** What the emulator takes from the machine it runs on. A simulation brings its own, and then nothing in it is left to chance. */
export interface Outside {
  /** The true time in milliseconds. */
  clock: () => number;
  /** From 0 up to, but not including, 1. */
  random: () => number;
  /** Calls back once, after so many milliseconds; returns what takes the call back. */
  after: (ms: number, act: () => void) => () => void;
  /** Posts a webhook and returns the status of the answer. @throws when none came in time */
  post: (url: string, webhook: PostedWebhook) => Promise<number>;
}

export interface PostedWebhook {
  body: string;
  headers: Record<string, string>;
  timeoutMs: number;
}

export const thisMachine: Outside = {
  clock: () => Date.now(),
  random: () => Math.random(),
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
  async post(url, { body, headers, timeoutMs }) {
    const answer = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
    await answer.body?.cancel();
    return answer.status;
  },
};

/** Random things made of one source of chance. */
export class Chance {
  constructor(private readonly random: () => number) {}

  /** A whole number from `from` up to, but not including, `to`. */
  int(from: number, to: number): number {
    return from + Math.floor(this.random() * (to - from));
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.int(0, 256)));
  }

  uuid(): string {
    const hex = this.bytes(16).toString("hex");
    const variant = "89ab".charAt(this.int(0, 4));
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}
