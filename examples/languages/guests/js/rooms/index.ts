/**
 * `/js/rooms/[id]`: what one sends, everyone in that room gets as it was sent, the sender included.
 *
 * A room is a topic, and the host keeps its name with each peer: nothing lies in this component's memory.
 */

import { defineHooks, members, publish } from "lithe-sdk";

export default defineHooks({
  request(event) {
    const room = event.params.id;
    return { room, members: members(room).length };
  },

  upgrade: (event) => ({ context: { room: event.params.id } }),

  open(peer) {
    peer.subscribe(peer.context.room as string);
  },

  message(peer, message) {
    publish(peer.context.room as string, message);
  },
});
