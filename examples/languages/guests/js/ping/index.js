/** `/js/ping`: answers `ping` with `pong`. Plain JavaScript. */

import { defineHooks } from "lithe-sdk";

export default defineHooks({
  message(peer, message) {
    if (message.text() === "ping") peer.send("pong");
  },
});
