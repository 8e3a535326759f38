/** An app whose component is of the kind `hooks`. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";

import type { App } from "../define.ts";
import type { Engine } from "../engine.ts";
import { answer } from "./answer.ts";
import { checked, healthOf, stateOf } from "./component.ts";
import { dispatch, hooksOf, routesOf } from "./dispatch.ts";
import { socketsOf } from "./sockets.ts";
import { Timers } from "./timers.ts";

export function component(app: App, engine: Engine) {
  const { router, options } = checked(app, "app");
  const timers = new Timers();
  return {
    handler: {
      handle: (handle: Handle) => timers.during(() => answer(engine, handle, (event) => dispatch(router, event))),
    },
    ...socketsOf(engine, timers, (peer) => hooksOf(router, peer)),
    routes: routesOf(router),
    state: stateOf(engine, options.state),
    health: healthOf(engine, options),
  };
}
