/** The kind `middleware`. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";
import { run } from "lithe:plugin/next@0.1.0";

import type { App } from "../define.ts";
import type { Engine } from "../engine.ts";
import { HttpError, fromOutcome, toOutcome } from "../outcome.ts";
import { answered, checked, then } from "./answer.ts";

export function component(app: App | undefined, engine: Engine) {
  const around = checked(app, "middleware").middleware;
  const next = (handle: Handle) => () => {
    try {
      return fromOutcome(run(handle));
    } catch (error) {
      throw HttpError.from(error);
    }
  };
  const handle = (handle: Handle) =>
    answered(engine, handle, (event) => then(around(event, next(handle)), toOutcome));
  return { middleware: { handle } };
}
