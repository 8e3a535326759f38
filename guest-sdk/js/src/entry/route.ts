/** The kind `route`. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";

import type { App } from "../define.ts";
import type { Engine } from "../engine.ts";
import { answer } from "./answer.ts";
import { checked, healthOf } from "./component.ts";

export function component(app: App, engine: Engine) {
  const { handler, options } = checked(app, "route");
  return {
    handler: { handle: (handle: Handle) => answer(engine, handle, handler) },
    health: healthOf(engine, options),
  };
}
