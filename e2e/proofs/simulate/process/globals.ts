import { EventEmitter } from "node:events";
import asyncHooks from "node:async_hooks";
import nodeCrypto from "node:crypto";
import { SharedStorage } from "./context";
import { seededUuid, type Random } from "../history/random";
import type { Owner, Scheduler } from "../scheduler";

/** What a simulated program gets instead of its real surroundings. */
export interface Surroundings {
  scheduler: Scheduler;
  owner: Owner;
  random: Random;
  env: Record<string, string>;
  /** How far ahead this machine's clock is. */
  clockAheadMs: () => number;
  fetch: typeof fetch;
  /** Modules that replace the real ones. */
  modules: Record<string, unknown>;
}

/** The globals that a bundle receives, by name. */
export function makeGlobals(
  { scheduler, owner, random, env, clockAheadMs, fetch, modules }: Surroundings,
  realRequire: NodeJS.Require,
) {
  const now = () => scheduler.now + clockAheadMs();
  const VirtualDate = new Proxy(Date, {
    construct: (target, args: [number] | []) => (args.length === 0 ? new target(now()) : new target(...args)),
    get: (target, key) => (key === "now" ? now : (Reflect.get(target, key) as unknown)),
  });

  class Timer {
    private due;
    constructor(
      private readonly act: () => void,
      private readonly ms: number,
      private readonly repeats: boolean,
    ) {
      this.due = this.plan();
    }
    private plan(): ReturnType<Scheduler["after"]> {
      return scheduler.after(
        Math.max(1, this.ms || 0),
        () => {
          if (this.repeats) this.due = this.plan();
          this.act();
        },
        owner,
      );
    }
    clear() {
      scheduler.cancel(this.due);
    }
    ref() {
      return this;
    }
    unref() {
      return this;
    }
    hasRef() {
      return true;
    }
    refresh() {
      this.clear();
      this.due = this.plan();
      return this;
    }
    [Symbol.toPrimitive]() {
      return 1;
    }
  }
  const setTimer = (act: (...args: unknown[]) => void, ms = 1, ...args: unknown[]) =>
    new Timer(() => act(...args), ms, false);
  const setRepeating = (act: (...args: unknown[]) => void, ms = 1, ...args: unknown[]) =>
    new Timer(() => act(...args), ms, true);
  const setSoon = (act: (...args: unknown[]) => void, ...args: unknown[]) =>
    new Timer(() => act(...args), 0, false);
  const clear = (timer: unknown) => timer instanceof Timer && timer.clear();

  const crypto = {
    ...nodeCrypto,
    randomUUID: () => seededUuid(random),
    randomBytes: (count: number) => random.bytes(count),
    randomInt: (low: number, high?: number) =>
      high === undefined ? random.between(0, low - 1) : random.between(low, high - 1),
  };
  const VirtualAbortSignal = new Proxy(AbortSignal, {
    get: (target, key) => (key === "timeout" ? abortAfter : (Reflect.get(target, key) as unknown)),
  });
  function abortAfter(ms: number): AbortSignal {
    const controller = new AbortController();
    scheduler.after(
      ms,
      () => controller.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError")),
      owner,
    );
    return controller.signal;
  }
  const math = Object.create(Math, { random: { value: () => random.next() } }) as Math;
  const performance = {
    now: () => now() - scheduler.startedAt,
    timeOrigin: scheduler.startedAt,
    mark: () => undefined,
    measure: () => undefined,
  };
  const process = Object.assign(new EventEmitter(), {
    env,
    pid: 1,
    platform: globalThis.process.platform,
    version: globalThis.process.version,
    versions: globalThis.process.versions,
    argv: ["node"],
    execArgv: [],
    cwd: () => globalThis.process.cwd(),
    nextTick: globalThis.process.nextTick.bind(globalThis.process),
    hrtime: Object.assign(() => [Math.floor(now() / 1000), (now() % 1000) * 1e6], {
      bigint: () => BigInt(now()) * 1_000_000n,
    }),
    uptime: () => scheduler.elapsed / 1000,
    memoryUsage: globalThis.process.memoryUsage.bind(globalThis.process),
    emitWarning: () => undefined,
    stdout: globalThis.process.stdout,
    stderr: globalThis.process.stderr,
    exit: () => {
      throw new Error("A simulated process exited on its own");
    },
  });
  const timers = {
    setTimeout: setTimer,
    clearTimeout: clear,
    setInterval: setRepeating,
    clearInterval: clear,
    setImmediate: setSoon,
    clearImmediate: clear,
  };
  const own: Record<string, unknown> = {
    ...timers,
    Date: VirtualDate,
    Math: math,
    AbortSignal: VirtualAbortSignal,
    crypto: { randomUUID: crypto.randomUUID, subtle: nodeCrypto.webcrypto.subtle, getRandomValues: fill },
    performance,
    process,
    fetch,
  };
  function fill<T extends Uint8Array>(array: T): T {
    array.set(random.bytes(array.length));
    return array;
  }
  const scope = new Proxy(globalThis, {
    get: (target, key) =>
      typeof key === "string" && key in own ? own[key] : (Reflect.get(target, key) as unknown),
    set: (_, key, value) => {
      own[String(key)] = value;
      return true;
    },
    has: (target, key) => (typeof key === "string" && key in own) || key in target,
  });
  const shims: Record<string, unknown> = {
    async_hooks: { ...asyncHooks, AsyncLocalStorage: SharedStorage },
    crypto,
    timers,
    "timers/promises": { setTimeout: (ms: number) => scheduler.sleep(ms, owner) },
    ...modules,
  };
  shims.module = { createRequire: () => require };
  const require = (name: string): unknown =>
    shims[name.replace(/^node:/, "")] ?? (realRequire(name) as unknown);
  return { ...own, globalThis: scope, global: scope, require };
}
