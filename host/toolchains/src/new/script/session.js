/** A WebSocket that greets and echoes, as a loop. */

import { defineSession } from "lithe-sdk";

export default defineSession((socket) => {
  socket.send("hello");
  for (const message of socket) socket.send(message);
});
