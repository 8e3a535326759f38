/** Promises whose jobs the SDK runs, at the end of each of the host's calls. */

type Job = () => void;
type Then = (value: unknown) => unknown;

const jobs: Job[] = [];
const unhandled = new Set<JobPromise<unknown>>();

/** Runs jobs until there are none. Rejections that nothing handles go to the log. */
export function runJobs(): void {
  for (let next = 0; next < jobs.length; next++) {
    try {
      jobs[next]!();
    } catch (error) {
      console.error("a job failed:", error);
    }
    // Otherwise the queue would grow for as long as jobs make jobs.
    if (next === 999) next -= jobs.splice(0, 1000).length;
  }
  jobs.length = 0;
  for (const { reason } of unhandled) console.error("a rejected promise was not handled:", reason);
  unhandled.clear();
}

/** The language's `Promise`. Programs cannot tell the difference. */
export class JobPromise<T> {
  #state: "pending" | "fulfilled" | "rejected" = "pending";
  #value: unknown;
  #heard = false;
  #waiting: Job[] = [];

  constructor(executor: (resolve: (value?: unknown) => void, reject: (reason?: unknown) => void) => void) {
    let done = false;
    const once = (act: (value: unknown) => void) => (value?: unknown) => {
      if (done) return;
      done = true;
      act(value);
    };
    const reject = (reason: unknown) => this.#settle("rejected", reason);
    const resolve = (value: unknown) => this.#resolve(value);
    try {
      executor(once(resolve), once(reject));
    } catch (error) {
      once(reject)(error);
    }
  }

  get [Symbol.toStringTag](): string {
    return "Promise";
  }

  /** Why it was rejected. */
  get reason(): unknown {
    return this.#value;
  }

  /** Its value after all jobs, for a host that cannot wait. Throws the reason of a rejection, and
   * if the promise is not settled then. */
  settled(): T {
    this.#heard = true;
    unhandled.delete(this);
    runJobs();
    if (this.#state === "fulfilled") return this.#value as T;
    if (this.#state === "rejected") throw this.#value;
    throw new Error(
      "the handler's promise is not settled when nothing is left to do: on the small engine a handler " +
        "cannot wait for time; `engine = \"full\"` in `lithe.toml` can",
    );
  }

  #resolve(value: unknown): void {
    if (value === (this as unknown)) return this.#settle("rejected", new TypeError("a promise resolved to itself"));
    if ((typeof value !== "object" && typeof value !== "function") || value === null) {
      return this.#settle("fulfilled", value);
    }
    let then: unknown;
    try {
      then = (value as { then?: unknown }).then;
    } catch (error) {
      return this.#settle("rejected", error);
    }
    if (typeof then !== "function") return this.#settle("fulfilled", value);
    jobs.push(() => {
      const adopted = new JobPromise((resolve, reject) => (then as Function).call(value, resolve, reject));
      adopted.then((result) => this.#settle("fulfilled", result), (reason) => this.#settle("rejected", reason));
    });
  }

  #settle(state: "fulfilled" | "rejected", value: unknown): void {
    this.#state = state;
    this.#value = value;
    if (state === "rejected" && !this.#heard) unhandled.add(this);
    jobs.push(...this.#waiting);
    this.#waiting = [];
  }

  then(fulfilled?: Then | null, rejected?: Then | null): JobPromise<unknown> {
    this.#heard = true;
    unhandled.delete(this);
    return new JobPromise((resolve, reject) => {
      const job = () => {
        const act = this.#state === "fulfilled" ? fulfilled : rejected;
        if (typeof act !== "function") {
          return this.#state === "fulfilled" ? resolve(this.#value) : reject(this.#value);
        }
        try {
          resolve(act(this.#value));
        } catch (error) {
          reject(error);
        }
      };
      if (this.#state === "pending") this.#waiting.push(job);
      else jobs.push(job);
    });
  }

  catch(rejected?: Then | null): JobPromise<unknown> {
    return this.then(null, rejected);
  }

  finally(act: () => unknown): JobPromise<unknown> {
    return this.then(
      (value) => JobPromise.resolve(act()).then(() => value),
      (reason) => JobPromise.resolve(act()).then(() => { throw reason; }),
    );
  }

  static resolve(value?: unknown): JobPromise<unknown> {
    return value instanceof JobPromise ? value : new JobPromise((resolve) => resolve(value));
  }

  static reject(reason?: unknown): JobPromise<unknown> {
    return new JobPromise((_, reject) => reject(reason));
  }

  static withResolvers(): object {
    let resolve, reject;
    const promise = new JobPromise((...both) => ([resolve, reject] = both));
    return { promise, resolve, reject };
  }

  static try(call: (...args: unknown[]) => unknown, ...args: unknown[]): JobPromise<unknown> {
    return new JobPromise((resolve) => resolve(call(...args)));
  }

  static race(promises: Iterable<unknown>): JobPromise<unknown> {
    return new JobPromise((resolve, reject) => {
      for (const promise of promises) JobPromise.resolve(promise).then(resolve, reject);
    });
  }

  static all(promises: Iterable<unknown>): JobPromise<unknown> {
    return collected(promises, (promise, done, reject) => void promise.then(done, reject));
  }

  static allSettled(promises: Iterable<unknown>): JobPromise<unknown> {
    return collected(promises, (promise, done) =>
      void promise.then(
        (value) => done({ status: "fulfilled", value }),
        (reason) => done({ status: "rejected", reason }),
      ));
  }

  static any(promises: Iterable<unknown>): JobPromise<unknown> {
    return new JobPromise((resolve, reject) => {
      const failed = collected(promises, (promise, done) => void promise.then(resolve, done));
      failed.then((reasons) => reject(new AggregateError(reasons as unknown[], "all promises were rejected")));
    });
  }
}

/** The results of all, in their order. */
function collected(
  promises: Iterable<unknown>,
  wait: (promise: JobPromise<unknown>, done: (value: unknown) => void, reject: (reason: unknown) => void) => void,
): JobPromise<unknown> {
  return new JobPromise((resolve, reject) => {
    const results: unknown[] = [];
    let left = 1;
    const one = () => void (--left === 0 && resolve(results));
    let index = 0;
    for (const promise of promises) {
      const place = index++;
      left++;
      wait(JobPromise.resolve(promise), (value) => { results[place] = value; one(); }, reject);
    }
    one();
  });
}

Object.assign(globalThis, {
  Promise: JobPromise,
  queueMicrotask: (job: Job) => void jobs.push(job),
});
