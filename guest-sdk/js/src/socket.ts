/** Blocking sessions. */

import type { Received } from "lithe:plugin/receiver@0.1.0";

import { Message } from "./message.ts";
import { Peer } from "./peer.ts";

/** The time was up before a message came. */
export class TimedOut extends Error {
  override name = "TimedOut";
}

/** A peer whose messages a session waits for. Iterating over it gives them until the session has
 * ended. */
export class Socket extends Peer {
  #receive: (socket: number, timeoutMs: number | undefined) => Received;

  /** @internal */
  constructor(id: number, receive: (socket: number, timeoutMs: number | undefined) => Received) {
    super(id);
    this.#receive = receive;
  }

  /** Waits for a message. It is `undefined` when the session has ended. Throws `TimedOut` after so
   * many milliseconds. */
  receive(timeout?: number): Message | undefined {
    const received = this.#receive(this.id, timeout);
    if (received.tag === "message") return new Message(received.val);
    if (received.tag === "closed") return undefined;
    throw new TimedOut();
  }

  *[Symbol.iterator](): Generator<Message, void> {
    for (let message = this.receive(); message; message = this.receive()) yield message;
  }
}
