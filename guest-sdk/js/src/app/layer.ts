/** What a group, or the app itself, puts around its routes. */

import type { Awaitable } from "../awaitable.ts";
import { caught, then } from "../awaitable.ts";
import type { AppMiddleware, ErrorHandler } from "../define.ts";
import type { Event } from "../event.ts";
import { refusal, toOutcome } from "../outcome.ts";
import type { Outcome } from "../outcome.ts";

/** Middleware and error handlers, in the order of their registration. */
export class Layer {
  readonly middleware: AppMiddleware[] = [];
  readonly errorHandlers: ErrorHandler[] = [];

  /** Runs what is inside of it. */
  around(event: Event, inside: () => Awaitable<Outcome>): Awaitable<Outcome> {
    const run = this.middleware.reduceRight<() => Awaitable<Outcome>>(
      (next, middleware) => () => then(middleware(event, once(next)), (answer) => toOutcome(answer, event)),
      inside,
    );
    return this.errorHandlers.reduce<() => Awaitable<Outcome>>(
      (run, handler) => () => caught(run, (reason) => answered(handler, event, reason)),
      run,
    )();
  }
}

/** What an error handler answers. If it answers nothing, the error goes on. */
function answered(handler: ErrorHandler, event: Event, reason: unknown): Awaitable<Outcome> {
  const error = refusal(reason);
  return then(handler(event, error), (answer) => {
    if (answer === undefined || answer === null) throw error;
    return toOutcome(answer, event);
  });
}

/** The rest of a chain may run once for an event, as the host's own. */
function once(next: () => Awaitable<Outcome>): () => Awaitable<Outcome> {
  let hasRun = false;
  return () => {
    if (hasRun) throw new Error("`next` has run already: a middleware may run the rest once");
    hasRun = true;
    return next();
  };
}
