/** Values that may be there at once, or later. What is there at once is never waited for: most
 * handlers answer at once, and a promise would cost them time. */

export type Awaitable<T> = T | PromiseLike<T>;

export function isPromise<T>(value: Awaitable<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** The result for a value that may be a promise. */
export function then<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? value.then(next) : next(value);
}

/** What a call gives. If it throws, or its promise is rejected, it is what `instead` makes of the
 * reason. */
export function caught<T>(call: () => Awaitable<T>, instead: (reason: unknown) => Awaitable<T>): Awaitable<T> {
  try {
    const result = call();
    return isPromise(result) ? result.then(undefined, instead) : result;
  } catch (error) {
    return instead(error);
  }
}
