/** The small engine: QuickJS, and what it lacks. It never runs its own jobs, so promises are ours, and
 * `async` functions are made of them when the component is bundled. */

import "./console.ts";
import "./crypto.ts";
import "./text.ts";
import { JobPromise, runJobs } from "./promise.ts";
import { Response } from "../outcome.ts";

Object.assign(globalThis, { Response });

export function settle<T>(value: T | PromiseLike<T>): T {
  runJobs();
  if (!(value instanceof JobPromise)) return value as T;
  return value.settled();
}

export function goOn(): void {
  runJobs();
}
