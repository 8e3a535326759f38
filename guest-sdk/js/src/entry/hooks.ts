/** The kind `hooks`. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";

import type { App } from "../define.ts";
import type { Engine } from "../engine.ts";
import { answer } from "./answer.ts";
import { checked, healthOf, stateOf } from "./component.ts";
import { socketsOf } from "./sockets.ts";
import { Timers } from "./timers.ts";
import { answerOf } from "./upgrade.ts";

export function component(app: App, engine: Engine) {
  const { hooks, options } = checked(app, "hooks");
  const timers = new Timers();
  return {
    handler: {
      handle: (handle: Handle) =>
        timers.during(() => answer(engine, handle, (event) => answerOf(hooks, event))),
    },
    ...socketsOf(engine, timers, () => hooks),
    state: stateOf(engine, options.state),
    health: healthOf(engine, options),
  };
}
