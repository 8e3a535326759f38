/** The kind `error`. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";
import type { HttpError as Failure, Response as Answered } from "lithe:plugin/http@0.1.0";

import { then } from "../awaitable.ts";
import type { App } from "../define.ts";
import type { Engine } from "../engine.ts";
import { HttpError, Response, response, toOutcome } from "../outcome.ts";
import { answered } from "./answer.ts";
import { checked, healthOf } from "./component.ts";

export function component(app: App, engine: Engine) {
  const { errorHandler, options } = checked(app, "error");
  const handle = (handle: Handle, failure: Failure) => {
    const error = new HttpError(failure.status, failure.message, failure.headers);
    return answered<Answered>(engine, handle, (event) =>
      then(errorHandler(event, error), (answer) => {
        if (answer === undefined || answer === null) throw error;
        return then(toOutcome(answer, event), (outcome) => {
          if (outcome instanceof Response) return response(outcome);
          throw new TypeError("an error handler answers a response");
        });
      }));
  };
  return { errorHandler: { handle }, health: healthOf(engine, options) };
}
