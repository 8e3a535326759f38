/** An app whose component is of the kind `session`. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";

import type { App } from "../define.ts";
import type { Engine } from "../engine.ts";
import { answer } from "./answer.ts";
import { checked, healthOf } from "./component.ts";
import { dispatch, routesOf, sessionOf } from "./dispatch.ts";
import { sessionBy } from "./session.ts";

export function component(app: App, engine: Engine) {
  const { router, options } = checked(app, "app");
  return {
    handler: { handle: (handle: Handle) => answer(engine, handle, (event) => dispatch(router, event)) },
    session: sessionBy(engine, (socket) => sessionOf(router, socket)),
    routes: routesOf(router),
    health: healthOf(engine, options),
  };
}
