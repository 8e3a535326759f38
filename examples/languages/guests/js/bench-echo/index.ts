/** `/js/bench/echo`: every message back unchanged, for measuring. */

import { defineHooks } from "lithe-sdk";

export default defineHooks({
  message: (peer, message) => peer.send(message),
});
