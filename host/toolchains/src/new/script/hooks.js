/** A WebSocket that greets and echoes, as events. */

import { defineHooks } from "lithe-sdk";

export default defineHooks({
  open(peer) {
    peer.send("hello");
  },

  message(peer, message) {
    peer.send(message);
  },
});
