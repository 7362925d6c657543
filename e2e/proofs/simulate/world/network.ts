import axios, { AxiosError, CanceledError, type AxiosAdapter, type InternalAxiosRequestConfig } from "axios";
import type { Random } from "../history/random";
import type { Owner, Scheduler } from "../scheduler";

/** What can go wrong on the way to SnapTrade right now, as shares of requests. */
export interface NetworkTrouble {
  requestLost: number;
  answerLost: number;
  status5xx: number;
  html: number;
  hang: number;
  drip: number;
  /** The share of answers that SnapTrade had read long before it sent them, and by how much at most. */
  slow: number;
  slowMs: number;
  /** Answers 401 with 1083 although the user is fine. */
  refusesUser: number;
}

export const noNetworkTrouble: NetworkTrouble = {
  requestLost: 0, answerLost: 0, status5xx: 0, html: 0, hang: 0, drip: 0, slow: 0, slowMs: 0, refusesUser: 0,
}; // prettier-ignore

export interface SnapTradeRequest {
  method: string;
  target: string;
  headers: Record<string, string>;
  body: string;
}

export interface SnapTradeAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** One request and its answer; times are virtual. */
export interface Exchange extends SnapTradeRequest {
  process: string;
  askedAt: number;
  /** When SnapTrade read what it answered. */
  readAt: number;
  answeredAt: number;
  answer: SnapTradeAnswer;
}

/** The network between the app and SnapTrade; a request's fate is decided when it is sent. */
export class Network {
  trouble: NetworkTrouble = noNetworkTrouble;
  requests = 0;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly random: Random,
    private readonly serve: (request: SnapTradeRequest) => Promise<SnapTradeAnswer>,
    /** The HTTP date of an answer that SnapTrade sends now. */
    private readonly dateOf: () => string,
    private readonly heard: (exchange: Exchange) => void,
  ) {}

  /** What the SDK imports as axios, for one process. */
  axiosFor(owner: Owner): unknown {
    const instance = axios.create({ adapter: this.adapterFor(owner) });
    return Object.assign(instance, { default: instance, AxiosError, CanceledError, __esModule: true });
  }

  private adapterFor(owner: Owner): AxiosAdapter {
    return (config) =>
      new Promise((resolve, reject) => {
        const { scheduler } = this;
        const finish = { done: false };
        const fail = (error: AxiosError) => {
          if (finish.done) return;
          finish.done = true;
          reject(error);
        };
        const { signal } = config;
        const abort = () => fail(new CanceledError());
        if (signal?.aborted) {
          abort();
          return;
        }
        signal?.addEventListener?.("abort", abort);
        const timesOut = (ms: number) =>
          config.timeout !== undefined && config.timeout > 0 && ms >= config.timeout;
        const timeout = () =>
          fail(
            new AxiosError(`timeout of ${config.timeout ?? 0}ms exceeded`, AxiosError.ECONNABORTED, config),
          );
        const reset = () => fail(new AxiosError("socket hang up", "ECONNRESET", config));

        const exchange = this.plan(config, owner);
        this.requests++;
        const { fate, outMs, thinkMs, backMs } = exchange;
        const waits =
          fate === "hang" || fate === "request-lost" || fate === "answer-lost"
            ? Number.POSITIVE_INFINITY
            : outMs + thinkMs + backMs;
        // The real adapter's timeout only runs while nothing arrives, so a drip keeps it from firing.
        if (fate !== "drip" && timesOut(waits)) scheduler.after(config.timeout ?? 0, timeout, owner);
        if (fate === "request-lost") return;
        scheduler.after(outMs, () => {
          void scheduler.outside(async () => {
            const request = requestOf(config);
            const early = instead(fate);
            const answer = early ?? (await this.serve(request));
            const readAt = scheduler.now;
            if (fate === "hang" || fate === "answer-lost") return;
            if (fate === "reset") return scheduler.after(thinkMs + backMs, reset, owner);
            scheduler.after(thinkMs, () => {
              if (!early) answer.headers.date = this.dateOf();
              scheduler.after(
                backMs,
                () => {
                  if (finish.done) return;
                  finish.done = true;
                  signal?.removeEventListener?.("abort", abort);
                  if (!early)
                    this.heard({
                      ...request,
                      process: owner.name,
                      askedAt: exchange.askedAt,
                      readAt,
                      answeredAt: scheduler.now,
                      answer,
                    });
                  complete(resolve, reject, config, answer);
                },
                owner,
              );
            });
          });
        });
      });
  }

  private plan(config: InternalAxiosRequestConfig, owner: Owner) {
    const { random, trouble, scheduler } = this;
    const fates: [Fate, number][] = [
      ["request-lost", trouble.requestLost], ["answer-lost", trouble.answerLost / 2], ["reset", trouble.answerLost / 2], ["5xx", trouble.status5xx],
      ["html", trouble.html], ["hang", trouble.hang], ["drip", trouble.drip], ["refuses-user", (config.url ?? "").includes("userSecret") ? trouble.refusesUser : 0],
    ]; // prettier-ignore
    let dice = random.next();
    const fate = fates.find(([, share]) => (dice -= share) < 0)?.[0] ?? "well";
    const slow = random.chance(trouble.slow);
    const outMs = random.between(5, 60);
    const thinkMs =
      fate === "drip"
        ? random.between(16_000, 90_000)
        : slow
          ? random.between(200, trouble.slowMs)
          : random.between(1, 80);
    const backMs = random.between(5, 60);
    scheduler.note(`${owner.name} ${config.method ?? ""} ${(config.url ?? "").split("?")[0] ?? ""} ${fate}`);
    return { fate, outMs, thinkMs, backMs, askedAt: scheduler.now };
  }
}

type Fate =
  "well" | "request-lost" | "answer-lost" | "reset" | "5xx" | "html" | "hang" | "drip" | "refuses-user";

/** An answer from something in front of SnapTrade's own code. */
function instead(fate: Fate): SnapTradeAnswer | null {
  const json = { "content-type": "application/json" };
  if (fate === "5xx")
    return {
      status: 503,
      headers: json,
      body: JSON.stringify({ detail: "Unavailable", status_code: 503, code: "1000" }),
    };
  if (fate === "html")
    return {
      status: 502,
      headers: { "content-type": "text/html" },
      body: "<html><h1>502 Bad Gateway</h1></html>",
    };
  if (fate === "refuses-user")
    return {
      status: 401,
      headers: json,
      body: JSON.stringify({
        detail: "Invalid userID or userSecret provided",
        status_code: 401,
        code: "1083",
      }),
    };
  return null;
}

function requestOf(config: InternalAxiosRequestConfig): SnapTradeRequest {
  const { pathname, search } = new URL(config.url ?? "");
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(config.headers.toJSON()))
    if (typeof value === "string") headers[name] = value;
  return {
    method: (config.method ?? "get").toUpperCase(),
    target: pathname + search,
    headers,
    body: typeof config.data === "string" ? config.data : "",
  };
}

function complete(
  resolve: (value: never) => void,
  reject: (error: unknown) => void,
  config: InternalAxiosRequestConfig,
  answer: SnapTradeAnswer,
) {
  const response = {
    data: answer.body,
    status: answer.status,
    statusText: "",
    headers: answer.headers,
    config,
    request: {},
  };
  if (!config.validateStatus || config.validateStatus(answer.status)) resolve(response as never);
  else
    reject(
      new AxiosError(
        `Request failed with status code ${answer.status}`,
        answer.status < 500 ? AxiosError.ERR_BAD_REQUEST : AxiosError.ERR_BAD_RESPONSE,
        config,
        {},
        response as never,
      ),
    );
}
