/** An app whose component is of the kind `route`. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";

import type { App } from "../define.ts";
import type { Engine } from "../engine.ts";
import { answer } from "./answer.ts";
import { checked, healthOf } from "./component.ts";
import { dispatch, routesOf } from "./dispatch.ts";

export function component(app: App, engine: Engine) {
  const { router, options } = checked(app, "app");
  return {
    handler: { handle: (handle: Handle) => answer(engine, handle, (event) => dispatch(router, event)) },
    routes: routesOf(router),
    health: healthOf(engine, options),
  };
}
