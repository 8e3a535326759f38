/** Sockets and the messages on them. */

import * as socket from "lithe:plugin/socket@0.1.0";
import type { Message as Said } from "lithe:plugin/socket@0.1.0";
import * as topics from "lithe:plugin/topics@0.1.0";

import { Event } from "./event.ts";
import { Message } from "./message.ts";
import { payload } from "./outcome.ts";

/** Text, bytes, a message as it came, or anything else as JSON. */
export type Sendable = unknown;

/** How a session ended. The code is 1005 if the peer gave none, and 1006 if the connection was
 * lost. */
export interface CloseDetails {
  code: number;
  reason: string;
  clean: boolean;
}

/** An open socket: a number that the host knows. */
export class Peer {
  /** The socket's number. No two sockets have the same at a time. */
  readonly id: number;
  #request: Event | undefined;
  #context: Record<string, unknown> | undefined;
  #saved = "";

  /** @internal */
  constructor(id: number) {
    this.id = id;
  }

  /** Queues a message, and never blocks. Throws if the peer is gone, the message too large or the
   * queue full. */
  send(message: Sendable): void {
    try {
      socket.send(this.id, said(message));
    } catch (error) {
      throw named(error, this, "cannot send");
    }
  }

  /** Closes the socket after what is queued. Throws, and leaves the socket as it is, if the code is
   * not 1000 or 3000 to 4999, or if the reason is over 123 bytes. */
  close(code = 1000, reason = ""): void {
    if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) {
      throw new RangeError(`${code} is not a close code: use 1000 or 3000 to 4999`);
    }
    try {
      socket.close(this.id, code, reason);
    } catch (error) {
      throw new RangeError("the reason is over 123 bytes: shorten it", { cause: error });
    }
  }

  /** Closes the socket with 1011, because its session failed. The reason goes to the log and not to
   * the peer. */
  fail(reason: string): void {
    socket.fail(this.id, reason);
  }

  /** Drops the connection without a close frame. */
  terminate(): void {
    socket.terminate(this.id);
  }

  get readyState(): socket.ReadyState {
    return socket.state(this.id);
  }

  /** The protocol that the handshake chose. */
  get protocol(): string | undefined {
    return socket.protocol(this.id) ?? undefined;
  }

  /** How many bytes are queued and not yet handed to the network. */
  get bufferedAmount(): number {
    return socket.bufferedAmount(this.id);
  }

  /** The handshake's request, or `undefined` once the session is over. */
  get request(): Event | undefined {
    if (!this.#request) {
      const handle = socket.eventOf(this.id);
      if (handle) this.#request = new Event(handle);
    }
    return this.#request;
  }

  /** `IP:PORT` of the client. */
  get remoteAddress(): string | undefined {
    return this.request?.clientAddress;
  }

  /** A value that the host keeps with the socket, as JSON. `upgrade` gives the first one, and you
   * may change it. The host saves it when the hook that changed it is over. */
  get context(): Record<string, unknown> {
    if (!this.#context) {
      this.#saved = new TextDecoder().decode(socket.attachment(this.id));
      this.#context = JSON.parse(this.#saved || "{}") as Record<string, unknown>;
    }
    return this.#context;
  }

  /** @internal Saves the context if it was changed. */
  saveContext(): void {
    if (!this.#context) return;
    const now = JSON.stringify(this.#context);
    if (now === this.#saved || (now === "{}" && !this.#saved)) return;
    if (this.readyState === "closed") return;
    try {
      socket.setAttachment(this.id, new TextEncoder().encode(now));
      this.#saved = now;
    } catch (error) {
      throw named(error, this, "cannot save the context");
    }
  }

  /** What the host keeps with the socket, as bytes in a format of your own: the same place as that of
   * `context`. It is empty once the session is over. */
  get attachment(): Uint8Array {
    return socket.attachment(this.id);
  }

  /** Leaves bytes with the socket. Throws if the peer is gone, or if they are too many. */
  setAttachment(bytes: Uint8Array): void {
    try {
      socket.setAttachment(this.id, bytes);
    } catch (error) {
      throw named(error, this, "cannot save the attachment");
    }
    this.#context = undefined;
  }

  /** @internal The session is over. */
  forget(): void {
    this.#request?.handle[Symbol.dispose]?.();
    this.#request = undefined;
  }

  /** Subscribes to a topic. Throws if the peer cannot subscribe. */
  subscribe(topic: string): void {
    try {
      topics.subscribe(this.id, topic);
    } catch (error) {
      throw named(error, this, `cannot subscribe to ${JSON.stringify(topic)}`);
    }
  }

  /** Ends the subscription, if there is one. */
  unsubscribe(topic: string): void {
    topics.unsubscribe(this.id, topic);
  }

  /** The topics that the peer hears. */
  get topics(): Set<string> {
    return new Set(topics.subscriptions(this.id));
  }

  /** Queues a message for every subscriber but this one, and returns for how many. */
  publish(topic: string, message: Sendable): number {
    return topics.publish(topic, said(message), this.id);
  }

  toString(): string {
    return `peer ${this.id}`;
  }
}

/** Queues a message for every subscriber, and returns for how many. */
export function publish(topic: string, message: Sendable): number {
  return topics.publish(topic, said(message), undefined);
}

/** The subscribers of a topic. Without a topic, all of the component's WebSockets. */
export function members(topic?: string): Peer[] {
  return Array.from(topics.members(topic), (id) => new Peer(id));
}

function said(message: Sendable): Said {
  if (typeof message === "string") return { tag: "text", val: message };
  if (message instanceof Message) return message.said;
  if (message instanceof Uint8Array) return { tag: "binary", val: message };
  if (message instanceof ArrayBuffer) return { tag: "binary", val: new Uint8Array(message) };
  return { tag: "text", val: JSON.stringify(message) };
}

/** The peer is gone, or the socket is closing. To leave is no failure: a hook or a session that throws
 * this for its own peer ends, and so does a call of a timer. The log does not mention it. */
export class Closed extends Error {
  override name = "Closed";

  /** @internal */
  constructor(readonly peer: number, message: string) {
    super(message);
  }
}

/** The outbound queue is full, and the site's policy is to refuse. `drain` comes when there is room
 * again. */
export class QueueFull extends Error {
  override name = "QueueFull";
}

/** An error of the contract as an `Error` that says what failed and why. */
function named(error: unknown, peer: Peer, what: string): Error {
  const { tag } = (payload(error) ?? {}) as { tag?: string };
  if (tag === undefined) return new Error(`${what}: failed`, { cause: error });
  const message = `${what}: ${tag.replaceAll("-", " ")}`;
  if (tag === "closed") return new Closed(peer.id, message);
  return tag === "queue-full" ? new QueueFull(message) : new Error(message);
}
