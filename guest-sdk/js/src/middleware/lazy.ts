/** Settings of middleware. */

/** A value, or a function that gives it when a request comes. What the environment has is not there
 * before, so read `env` in such a function. */
export type Lazy<T> = T | (() => T);

export function valueOf<T>(lazy: Lazy<T>): T {
  return typeof lazy === "function" ? (lazy as () => T)() : lazy;
}
