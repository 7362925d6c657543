import { AsyncLocalStorage } from "node:async_hooks";

type Context = ReadonlyMap<object, unknown>;

const contexts = new AsyncLocalStorage<Context>();

/** The values of all of the programs' storages right now. */
export const currentContext = (): Context | undefined => contexts.getStore();

/** Runs `act` with the values that the storages had at some moment. */
export function inContext(context: Context | undefined, act: () => void): void {
  if (context) contexts.run(context, act);
  else act();
}

/** Forgets all values; until a storage is used again, promises cost no more than without any. */
export const leaveContexts = () => contexts.disable();

/**
 * Replaces AsyncLocalStorage in the programs. All of them share a real one, because each real one makes every
 * promise slower.
 */
export class SharedStorage<T> {
  run<Result, Args extends unknown[]>(store: T, act: (...args: Args) => Result, ...args: Args): Result {
    return contexts.run(new Map(contexts.getStore()).set(this, store), act, ...args);
  }

  getStore(): T | undefined {
    return contexts.getStore()?.get(this) as T | undefined;
  }
}
