/** An app whose sockets have blocking sessions: see `tests/src/conformance/loops.rs`. */

import { HttpError, defineApp } from "lithe-sdk";
import type { AppMiddleware } from "lithe-sdk";

const mark = (name: string): AppMiddleware => async (_, next) => {
  try {
    const outcome = await next();
    outcome.headers.push(["x-order", name]);
    return outcome;
  } catch (error) {
    if (error instanceof HttpError) error.headers.push(["x-order", name]);
    throw error;
  }
};

let count = 0;

export default defineApp((app) => {
  app.use(mark("app"));
  app.get("/plain", () => "plain");
  app.get("/count", () => "counts");
  app.session("/count", (socket) => {
    for (const message of socket) {
      const text = message.text();
      if (text === "end") return;
      if (text === "fail") throw new Error("as told");
      socket.send(String(++count));
    }
  });
  app.group("/rooms", (rooms) => {
    rooms.use(mark("rooms"));
    rooms.get("/:id/members", (event) => `members of ${event.param("id")}`);
    rooms.session("/:id", {
      request(event) {
        if (event.param("id") === "closed") throw new HttpError(403, "this room is closed");
        return event.upgrade({ protocols: ["chat"] });
      },
      run(socket) {
        socket.send(`room ${socket.request?.param("id")}`);
        for (const message of socket) socket.send(message);
      },
    });
  });
});
