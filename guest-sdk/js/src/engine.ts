/** What the entry points need of an engine. `small/index.ts` and `full.ts` have it. */

export interface Engine {
  /** The value of a promise that the host waits for. The small engine runs jobs until the promise
   * is settled, and has the value at once. */
  settle<T>(value: T | PromiseLike<T>): T | PromiseLike<T>;
  /** Runs what was begun as far as it can go. */
  goOn(): void | PromiseLike<void>;
}

export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** An error, for the log: neither engine's stack begins with the message. */
export function described(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${String(error)}`;
  const stack = error.stack ?? "";
  return stack.includes(error.message) && error.message ? stack : `${error}\n${stack}`.trimEnd();
}
