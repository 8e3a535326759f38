/** The small engine: QuickJS, and what it lacks. It never runs its own jobs, so the SDK has its own
 * promises. When the component is bundled, `async` functions are made of them. */

import "./console.ts";
import "./random.ts";
import "./text.ts";
import { isPromise } from "../awaitable.ts";
import { JobPromise, runJobs } from "./promise.ts";

export { boundLevels } from "./json.ts";

export function settle<T>(value: T | PromiseLike<T>): T {
  if (isPromise(value)) return (JobPromise.resolve(value) as JobPromise<T>).settled();
  runJobs();
  return value;
}

export function goOn(): void {
  runJobs();
}
