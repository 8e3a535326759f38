/** Sockets and what is said over them. */

import * as socket from "lithe:plugin/socket@0.1.0";
import type { Message as Said } from "lithe:plugin/socket@0.1.0";
import * as topics from "lithe:plugin/topics@0.1.0";

import { Event } from "./event.ts";
import { Message } from "./message.ts";
import { payload } from "./outcome.ts";

/** Text, bytes, a message as it came, or anything else as JSON. */
export type Sendable = unknown;

/** How a session ended: 1005 where the peer gave no code, 1006 where the connection was lost. */
export interface CloseDetails {
  code: number;
  reason: string;
  clean: boolean;
}

/** An open socket: a number that the host knows. */
export class Peer {
  /** The socket's number; not used again while it is in use. */
  readonly id: number;
  #request: Event | undefined;
  #context: Record<string, unknown> | undefined;
  #saved = "";

  /** @internal */
  constructor(id: number) {
    this.id = id;
  }

  /** Queues in order and never blocks. Throws where the peer is gone, the message too large, or the
   * queue full. */
  send(message: Sendable): void {
    try {
      socket.send(this.id, said(message));
    } catch (error) {
      throw named(error, "cannot send");
    }
  }

  /** Closes after what is queued. Throws, and the socket stays as it is, where the code is not 1000 or
   * 3000 to 4999, or the reason is over 123 bytes. */
  close(code = 1000, reason = ""): void {
    try {
      socket.close(this.id, code, reason);
    } catch (error) {
      throw named(error, "cannot close");
    }
  }

  /** The session failed: closes with 1011. The reason goes to the log and not to the peer. */
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

  /** Bytes queued and not yet handed to the network. */
  get bufferedAmount(): number {
    return socket.bufferedAmount(this.id);
  }

  /** The handshake's request; undefined once the session is over. */
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

  /** What is kept with the socket: begun by `upgrade`, changed at will, and saved with the host, as
   * JSON, when the hook that changed it is over. */
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
      throw named(error, "cannot save the context");
    }
  }

  /** @internal The session is over. */
  forget(): void {
    this.#request?.handle[Symbol.dispose]?.();
    this.#request = undefined;
  }

  /** Hears what is published there. */
  subscribe(topic: string): void {
    try {
      topics.subscribe(this.id, topic);
    } catch (error) {
      throw named(error, `cannot subscribe to ${JSON.stringify(topic)}`);
    }
  }

  /** Hears it no more. */
  unsubscribe(topic: string): void {
    topics.unsubscribe(this.id, topic);
  }

  /** What it hears. */
  get topics(): Set<string> {
    return new Set(topics.subscriptions(this.id));
  }

  /** To every subscriber but this one; answers for how many it was queued. */
  publish(topic: string, message: Sendable): number {
    return topics.publish(topic, said(message), this.id);
  }

  toString(): string {
    return `peer ${this.id}`;
  }
}

/** To every subscriber; answers for how many it was queued. */
export function publish(topic: string, message: Sendable): number {
  return topics.publish(topic, said(message), undefined);
}

/** The subscribers; without a topic, all of the component's sockets. */
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

/** An error of the contract as an `Error` that says what failed and why. */
function named(error: unknown, what: string): Error {
  const { tag = "failed" } = (payload(error) ?? {}) as { tag?: string };
  return new Error(`${what}: ${tag.replaceAll("-", " ")}`, { cause: error });
}
