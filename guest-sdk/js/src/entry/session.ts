/** The kind `session`. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";
import { receive } from "lithe:plugin/receiver@0.1.0";

import type { App } from "../define.ts";
import type { Engine } from "../engine.ts";
import { described } from "../engine.ts";
import { toOutcome } from "../outcome.ts";
import { Socket } from "../socket.ts";
import { answered, checked, then } from "./answer.ts";

export function component(app: App | undefined, engine: Engine) {
  const { request = (event) => event.upgrade(), run } = checked(app, "session").session;
  return {
    handler: {
      handle: (handle: Handle) => answered(engine, handle, (event) => then(request(event), toOutcome)),
    },
    session: {
      run(id: number) {
        const socket = new Socket(id, receive);
        try {
          run(socket);
          socket.saveContext();
        } catch (error) {
          console.error(described(error));
          socket.fail(String(error));
        }
      },
    },
  };
}
