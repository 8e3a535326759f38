/** The kind `session`. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";
import { receive } from "lithe:plugin/receiver@0.1.0";

import { adopted } from "../adopted.ts";
import { caught, then } from "../awaitable.ts";
import type { App, Session } from "../define.ts";
import type { Engine } from "../engine.ts";
import { Closed } from "../peer.ts";
import { Socket } from "../socket.ts";
import { described } from "../stack.ts";
import { answer } from "./answer.ts";
import { checked, healthOf } from "./component.ts";
import { answerOfSession } from "./upgrade.ts";

export function component(app: App, engine: Engine) {
  const { session, options } = checked(app, "session");
  return {
    handler: { handle: (handle: Handle) => answer(engine, handle, (event) => answerOfSession(session, event)) },
    session: sessionBy(engine, () => session),
    health: healthOf(engine, options),
  };
}

/** The export `session`. */
export function sessionBy(engine: Engine, sessionOf: (socket: Socket) => Session | undefined) {
  return {
    run(id: number) {
      const socket = new Socket(id, receive);
      // A streamed response sends its own body.
      const body = adopted.get(id);
      const run = () => {
        if (body?.open) return body.open(socket);
        const session = sessionOf(socket);
        if (!session) throw new Error(`no session of the app is for \`${socket.request?.route}\`: \`app.session\` adds one`);
        return session.run(socket);
      };
      return caught(
        () => then(engine.settle(run()), () => socket.saveContext()),
        (error) => {
          if (error instanceof Closed && error.peer === id) return;
          console.error(described(error));
          socket.fail(String(error));
        },
      );
    },
  };
}
