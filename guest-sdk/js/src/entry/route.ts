/** The kind `route`. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";

import type { App } from "../define.ts";
import type { Engine } from "../engine.ts";
import { toOutcome } from "../outcome.ts";
import { answered, checked, then } from "./answer.ts";

export function component(app: App | undefined, engine: Engine) {
  const { handler } = checked(app, "route");
  return {
    handler: {
      handle: (handle: Handle) => answered(engine, handle, (event) => then(handler(event), toOutcome)),
    },
  };
}
