/** The request that is handled. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";
import * as streams from "lithe:plugin/streams@0.1.0";
import * as ws from "lithe:plugin/ws@0.1.0";

import { HttpError, Stream, Upgrade, fields } from "./outcome.ts";
import type { HeadersLike } from "./outcome.ts";

const nothing = new Uint8Array();

/** The request that is handled, and what the route and the middleware know about it. */
export class Event {
  /** @internal */
  readonly handle: Handle;

  /** @internal */
  constructor(handle: Handle) {
    this.handle = handle;
  }

  /** The name of this request, which no other request has. The host's log lines have it, too. */
  get id(): string {
    return this.handle.id();
  }

  /** The method in upper case, such as `GET`. */
  get method(): string {
    return this.handle.method();
  }

  /** The address that was asked for. */
  get url(): string {
    return `${this.handle.scheme()}://${this.handle.authority()}${this.handle.uri()}`;
  }

  /** The path without the query, percent-decoded. */
  get path(): string {
    return this.handle.path();
  }

  /** The query's values, by their names. */
  get query(): Map<string, string> {
    const values = new Map<string, string>();
    for (const pair of (this.handle.query() ?? "").split("&")) {
      if (!pair) continue;
      const [name = "", ...rest] = pair.split("=");
      values.set(decoded(name), decoded(rest.join("=")));
    }
    return values;
  }

  /** The request's headers, by their names in lower case. Several of one name are joined by a
   * comma. */
  get headers(): Map<string, string> {
    const headers = new Map<string, string>();
    for (const [name, value] of this.handle.headers()) {
      const before = headers.get(name);
      headers.set(name, before === undefined ? value : `${before}, ${value}`);
    }
    return headers;
  }

  /** The first header of that name, in any case. */
  header(name: string): string | undefined {
    return this.handle.header(name) ?? undefined;
  }

  /** The pattern that matched, such as `/rooms/:id`. */
  get route(): string {
    return this.handle.route();
  }

  /** The route's parameters, percent-decoded. */
  get params(): Record<string, string> {
    return Object.fromEntries(this.handle.params());
  }

  /** `IP:PORT` of the client. */
  get clientAddress(): string {
    return this.handle.clientAddress();
  }

  /** The whole body. For an upgrade request it is empty. */
  get body(): Uint8Array {
    return this.handle.body();
  }

  /** The body as text. */
  text(): string {
    return new TextDecoder().decode(this.body);
  }

  /** The body as JSON. Throws an `HttpError` of 400 if it is not JSON. */
  json<T = unknown>(): T {
    try {
      return JSON.parse(this.text());
    } catch (error) {
      throw new HttpError(400, `the body is not JSON: ${(error as Error).message}`);
    }
  }

  /** A value that middleware left for what runs after it. */
  local(key: string): string | undefined {
    return this.handle.local(key) ?? undefined;
  }

  /** Leaves a value for what runs after this. */
  setLocal(key: string, value: string): void {
    this.handle.setLocal(key, value);
  }

  /** Whether the request asks for a WebSocket. */
  get isUpgradeRequest(): boolean {
    return ws.isUpgradeRequest(this.handle);
  }

  /** What `sec-websocket-protocol` offers, in order. */
  get requestedProtocols(): string[] {
    return ws.requestedProtocols(this.handle);
  }

  /** Accepts the upgrade. Return its result. Throws an `HttpError` if the request does not ask for
   * one as it should (405, 426, 400), or if the component has no sessions (501). */
  upgrade(options: { protocol?: string; headers?: HeadersLike; attachment?: Uint8Array } = {}): Upgrade {
    try {
      const accepted = ws.upgrade(this.handle, {
        protocol: options.protocol,
        headers: fields(options.headers),
        attachment: options.attachment ?? nothing,
        pinned: false,
      });
      return new Upgrade(accepted.socket, accepted.headers);
    } catch (error) {
      throw HttpError.from(error);
    }
  }

  /** Begins a response whose body is sent piece by piece, through a peer that only sends. Return
   * its result. */
  stream(options: { status?: number; headers?: HeadersLike } = {}): Stream {
    try {
      const started = streams.start(this.handle, {
        status: options.status ?? 200,
        headers: fields(options.headers),
        attachment: nothing,
        pinned: false,
      });
      return new Stream(started.socket, started.status, started.headers);
    } catch (error) {
      throw HttpError.from(error);
    }
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
