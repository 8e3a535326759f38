/** How what a module defines answers a request. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";
import type { Outcome } from "lithe:plugin/outcome@0.1.0";

import type { App } from "../define.ts";
import type { Engine } from "../engine.ts";
import { described, isPromise } from "../engine.ts";
import { Event } from "../event.ts";
import { HttpError, thrown } from "../outcome.ts";

/** The module's app. Throws if it is of another kind. Runs when the component is built. */
export function checked<K extends App["kind"]>(app: App | undefined, kind: K): Extract<App, { kind: K }> {
  const found = app?.kind;
  if (found === kind) return app as Extract<App, { kind: K }>;
  throw new Error(
    found
      ? `the module is of the kind "${found}": say so in \`lithe.toml\`, not "${kind}"`
      : "the module's default export is not made by a `define…` of `lithe-sdk`",
  );
}

/** Calls a handler with the event, and makes an answer of any exception. */
export function answered<T = Outcome>(
  engine: Engine,
  handle: Handle,
  call: (event: Event) => T | PromiseLike<T>,
): T | PromiseLike<T> {
  const dispose = () => handle[Symbol.dispose]?.();
  try {
    const result = engine.settle(call(new Event(handle)));
    if (!isPromise(result)) {
      dispose();
      return result;
    }
    return result.then(
      (outcome) => {
        dispose();
        return outcome;
      },
      (error: unknown) => {
        dispose();
        throw refusal(error);
      },
    );
  } catch (error) {
    dispose();
    throw refusal(error);
  }
}

/** The contract's error for an `HttpError`. Anything else that was thrown goes to the log, and is a
 * 500. */
function refusal(thrownValue: unknown): unknown {
  const error = HttpError.from(thrownValue);
  if (error instanceof HttpError) {
    const { status, headers, message } = error;
    return thrown({ status, headers, message });
  }
  console.error(described(error));
  return thrown({ status: 500, headers: [], message: "Internal Server Error" });
}

/** The result for a value that may be a promise. */
export function then<T, U>(value: T | PromiseLike<T>, next: (value: T) => U | PromiseLike<U>): U | PromiseLike<U> {
  return isPromise(value) ? value.then(next) : next(value);
}
