/** `/js/echo`: a WebSocket that greets and echoes, and JSON for plain HTTP. */

import { Response, defineHooks } from "lithe-sdk";

export default defineHooks({
  request: () => Response.json({ mode: "http" }),

  upgrade(event) {
    return event.requestedProtocols.includes("chat") ? { protocol: "chat" } : {};
  },

  open(peer) {
    peer.send("connected");
  },

  message(peer, message) {
    peer.send(message.isBinary ? message : `echo:${message.text()}`);
  },
});
