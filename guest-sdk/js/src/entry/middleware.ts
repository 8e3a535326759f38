/** The kind `middleware`. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";
import { run } from "lithe:plugin/next@0.1.0";

import type { App } from "../define.ts";
import type { Engine } from "../engine.ts";
import { HttpError, fromContract } from "../outcome.ts";
import { answer } from "./answer.ts";
import { checked, healthOf } from "./component.ts";

export function component(app: App, engine: Engine) {
  const { middleware, options } = checked(app, "middleware");
  const next = (handle: Handle) => () => {
    try {
      return fromContract(run(handle));
    } catch (error) {
      throw HttpError.from(error);
    }
  };
  return {
    middleware: {
      handle: (handle: Handle) => answer(engine, handle, (event) => middleware(event, next(handle))),
    },
    health: healthOf(engine, options),
  };
}
