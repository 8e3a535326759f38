/** What the entry points need of an engine. `small/index.ts` and `full/index.ts` have it. */

import type { Awaitable } from "./awaitable.ts";

export interface Engine {
  /** The value of a promise that the host waits for. The small engine runs jobs until the promise
   * is settled, and has the value at once. */
  settle<T>(value: Awaitable<T>): Awaitable<T>;
  /** Runs what was begun as far as it can go. */
  goOn(): Awaitable<void>;
  /** Throws if a JSON text has more levels of arrays and objects than `JSON.parse` reads. */
  boundLevels(json: string): void;
}

/** Whether the module is being loaded. That happens once, at build time, when there is no host. */
export const loading = {
  now: true,
  /** What the build says when the module reads a variable of the environment then. */
  read: undefined as ((name: string) => void) | undefined,
};
