/** What the emulator needs from the machine it runs on. A simulation supplies its own to be deterministic. */
export interface Outside {
  /** The true time in milliseconds. */
  clock: () => number;
  /** From 0 (inclusive) to 1 (exclusive). */
  random: () => number;
  /** Calls back once after this many milliseconds. Returns a function that cancels it. */
  after: (ms: number, act: () => void) => () => void;
  /** Posts a webhook and returns the response status. @throws when no response arrives in time */
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
    const answer = await fetch(url, {
      method: "POST",
      headers,
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    await answer.body?.cancel();
    return answer.status;
  },
};

/** Random values drawn from one source. */
export class Chance {
  constructor(private readonly random: () => number) {}

  /** A whole number from `from` (inclusive) to `to` (exclusive). */
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
