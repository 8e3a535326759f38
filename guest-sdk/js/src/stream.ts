/** Responses whose body is sent piece by piece. */

import { adopted } from "./adopted.ts";
import type { Awaitable } from "./awaitable.ts";
import type { Event, StreamOptions } from "./event.ts";
import { fields } from "./headers.ts";
import type { HeadersLike } from "./headers.ts";
import type { Stream } from "./outcome.ts";
import { QueueFull } from "./peer.ts";
import type { CloseDetails, Peer } from "./peer.ts";

/** A server-sent event. */
export interface Sse {
  /** Its text, of one line or more. Anything else than text is sent as JSON. */
  data?: unknown;
  /** Its name, for which a browser listens. By default it is `message`. */
  event?: string;
  /** Its id, which the browser sends as `last-event-id` when it connects again. */
  id?: string;
  /** How many milliseconds the browser waits before it connects again. */
  retry?: number;
  /** A line that browsers skip. It keeps proxies from closing a quiet connection. */
  comment?: string;
}

/** Sends the pieces of a body, in the order of their sending. */
export class Body {
  readonly #peer: Peer;
  #isOpen = true;
  /** What waits for the queue to empty, or for the end. */
  #waiting: (() => void)[] = [];

  /** @internal */
  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** Queues text or bytes, and never blocks. Throws once the client has left, or if the queue is
   * full. */
  send(piece: string | Uint8Array): void {
    this.#peer.send(piece);
  }

  /** Queues a server-sent event. Throws as `send` does. */
  event(event: Sse): void {
    this.send(sseText(event));
  }

  /** Queues text or bytes, and waits first for as long as the queue is full. */
  async write(piece: string | Uint8Array): Promise<void> {
    for (;;) {
      try {
        return this.send(piece);
      } catch (error) {
        if (!(error instanceof QueueFull)) throw error;
        await this.#change();
      }
    }
  }

  /** Whether the client is still there. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Waits until the client has left. */
  async closed(): Promise<void> {
    while (this.#isOpen) await this.#change();
  }

  /** How many bytes are queued and not yet handed to the network. */
  get bufferedAmount(): number {
    return this.#peer.bufferedAmount;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** @internal The queue has emptied. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  /** @internal The client has left, or the body has ended. */
  end(): void {
    this.#isOpen = false;
    this.wake();
  }
}

/** What gives a body's pieces: a function that sends them, or something to iterate over. */
export type Source<Piece> =
  | ((body: Body) => Awaitable<void>)
  | Iterable<Piece>
  | AsyncIterable<Piece>
  | { getReader(): { read(): Promise<{ done: boolean; value?: Piece | undefined }>; cancel(): Awaitable<unknown> } };

/** Answers 200 with `application/octet-stream`, unless the options say otherwise, and sends the body
 * piece by piece once the head is sent. The body ends with its source. If the source fails, the
 * body is broken off, and the client sees that it is not whole. Return its result. */
export function stream(event: Event, source: Source<string | Uint8Array>, options: StreamOptions = {}): Stream {
  return begin(event, options, [["content-type", "application/octet-stream"]], source, (piece) => piece);
}

/** Answers with server-sent events, which a browser reads with `EventSource`. A piece of text is an
 * event's data. */
export function sse(event: Event, source: Source<string | Sse>, options: StreamOptions = {}): Stream {
  const headers: [string, string][] = [["content-type", "text/event-stream"], ["cache-control", "no-cache"]];
  return begin(event, options, headers, source, (piece) => sseText(typeof piece === "string" ? { data: piece } : piece));
}

function begin<Piece>(
  event: Event,
  options: StreamOptions,
  defaults: [string, string][],
  source: Source<Piece>,
  said: (piece: Piece) => string | Uint8Array,
): Stream {
  const headers = withDefaults(options.headers, defaults);
  // The source is in this instance's memory.
  const started = event.stream({ ...options, headers, pinned: true });
  let body: Body | undefined;
  adopted.set(started.socket, {
    async open(peer: Peer) {
      body = new Body(peer);
      await (typeof source === "function" ? source(body) : sendAll(body, source, said));
      peer.close();
    },
    drain: () => body?.wake(),
    close: (_: Peer, __: CloseDetails) => body?.end(),
  });
  return started;
}

function withDefaults(headers: HeadersLike | undefined, defaults: [string, string][]): [string, string][] {
  const given = fields(headers);
  return [...defaults.filter(([name]) => !given.some(([known]) => known === name)), ...given];
}

async function sendAll<Piece>(
  body: Body,
  source: Exclude<Source<Piece>, (body: Body) => Awaitable<void>>,
  said: (piece: Piece) => string | Uint8Array,
): Promise<void> {
  if ("getReader" in source) {
    const reader = source.getReader();
    while (body.isOpen) {
      const { done, value } = await reader.read();
      if (done) return;
      await body.write(said(value as Piece));
    }
    await reader.cancel();
    return;
  }
  for await (const piece of source) {
    if (!body.isOpen) return;
    await body.write(said(piece));
  }
}

/** A server-sent event as text on the wire (HTML Standard, 9.2). */
function sseText({ data, event, id, retry, comment }: Sse): string {
  // A field has one line, and a browser takes all of `\r`, `\n` and `\r\n` for its end.
  const line = (text: string) => text.replace(/[\r\n]/g, " ");
  const lines = (field: string, text: string) => text.split(/\r\n|\r|\n/).map((part) => `${field}: ${part}\n`).join("");
  let text = "";
  if (event !== undefined) text += `event: ${line(event)}\n`;
  if (id !== undefined) text += `id: ${line(id)}\n`;
  if (retry !== undefined) text += `retry: ${Math.trunc(retry)}\n`;
  if (comment !== undefined) text += lines("", comment);
  if (data !== undefined) text += lines("data", typeof data === "string" ? data : JSON.stringify(data));
  return `${text}\n`;
}
