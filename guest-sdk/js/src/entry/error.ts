/** The kind `error`. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";
import type { HttpError as Failure, Response as Answered } from "lithe:plugin/http@0.1.0";

import type { App } from "../define.ts";
import type { Engine } from "../engine.ts";
import { HttpError, toOutcome } from "../outcome.ts";
import { answered, checked, then } from "./answer.ts";

export function component(app: App | undefined, engine: Engine) {
  const onError = checked(app, "error").errorHandler;
  const handle = (handle: Handle, failure: Failure) => {
    const error = new HttpError(failure.status, failure.message, failure.headers);
    return answered<Answered>(engine, handle, (event) =>
      then(onError(event, error), (answer) => {
        if (answer === undefined || answer === null) throw error;
        return then(toOutcome(answer), (outcome) => {
          if (outcome.tag === "response") return outcome.val;
          throw new TypeError("an error handler answers a response");
        });
      }));
  };
  return { errorHandler: { handle } };
}
