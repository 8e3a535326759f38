/** The request that is handled. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";
import * as streams from "lithe:plugin/streams@0.1.0";
import * as ws from "lithe:plugin/ws@0.1.0";

import { cookiePairs } from "./cookie.ts";
import { fields } from "./headers.ts";
import type { HeadersLike } from "./headers.ts";
import { PARSED, parsed, tooLarge } from "./json.ts";
import type { ParseOptions } from "./json.ts";
import { HttpError, Stream, Upgrade } from "./outcome.ts";
import { Values, formPairs, integer } from "./values.ts";

const nothing = new Uint8Array();

const FORM = "application/x-www-form-urlencoded";

/** How an upgrade is accepted. All of it may be left out. */
export interface UpgradeOptions {
  /** One of the protocols that the request offers. */
  protocol?: string;
  /** Protocols of which the first one that the request offers is spoken, if it offers one. */
  protocols?: readonly string[];
  /** Headers that are sent with the 101. */
  headers?: HeadersLike;
  /** The first value of `peer.context`. */
  context?: Record<string, unknown>;
  /** The first value of `peer.attachment`, in place of a context. */
  attachment?: Uint8Array;
  /** The session is in this instance's memory: when a new version takes over, the socket stays with
   * this one until it ends. */
  pinned?: boolean;
}

/** How a streamed response begins. All of it may be left out. */
export interface StreamOptions {
  status?: number;
  headers?: HeadersLike;
  /** As in `UpgradeOptions`. */
  pinned?: boolean;
}

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

  /** The `host` header, or the authority of the request's target. */
  get authority(): string {
    return this.handle.authority();
  }

  /** The path without the query, percent-decoded. */
  get path(): string {
    return this.handle.path();
  }

  /** The query's values, by their names. */
  get query(): Values {
    return new Values("query parameter", formPairs(this.handle.query() ?? ""));
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

  /** The cookies that the request carries. */
  get cookies(): Values {
    return new Values("cookie", cookiePairs(this.handle.headers()));
  }

  /** The pattern that matched, such as `/rooms/:id`. */
  get route(): string {
    return this.handle.route();
  }

  /** The route's parameters, percent-decoded. */
  get params(): Record<string, string> {
    return Object.fromEntries(this.handle.params());
  }

  /** One of the route's parameters. Throws an `HttpError` of 400 if it is missing. */
  param(name: string): string {
    const value = this.handle.param(name);
    if (value === undefined || value === null) throw new HttpError(400, `parameter \`${name}\` is missing`);
    return value;
  }

  /** One of the route's parameters as an integer. Throws an `HttpError` of 400 if it is not one. */
  paramInt(name: string): number {
    return integer("parameter", name, this.param(name));
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

  /** The body as JSON. Throws an `HttpError` of 400 if it is not JSON, and of 413 if it is larger than
   * the limit. A value may take many times the bytes of its JSON. */
  json<T = unknown>({ limit = PARSED }: ParseOptions = {}): T {
    const body = this.#within(limit, "json({ limit })");
    try {
      return parsed(new TextDecoder("utf-8", { fatal: true }).decode(body)) as T;
    } catch (error) {
      // The full engine throws text if it lacks memory.
      if (!(error instanceof Error)) throw error;
      throw new HttpError(400, `the body is not JSON: ${error.message}`);
    }
  }

  /** The body as a form (`application/x-www-form-urlencoded`). Throws an `HttpError` of 415 if the
   * request does not say that it is one, and of 413 if it is larger than the limit. */
  form({ limit = PARSED }: ParseOptions = {}): Values {
    const type = (this.header("content-type") ?? "").split(";", 1)[0]!.trim().toLowerCase();
    if (type !== FORM) throw new HttpError(415, `the body is not \`${FORM}\``);
    return new Values("form field", formPairs(new TextDecoder().decode(this.#within(limit, "form({ limit })"))));
  }

  /** The body, if it is not too large for the method of that name. */
  #within(limit: number, method: string): Uint8Array {
    const { body } = this;
    if (body.length > limit) throw new HttpError(413, tooLarge("body", limit, method));
    return body;
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
  upgrade(options: UpgradeOptions = {}): Upgrade {
    const { protocols, context, pinned = false } = options;
    const offered = protocols ? this.requestedProtocols : [];
    const attachment = context ? new TextEncoder().encode(JSON.stringify(context)) : options.attachment;
    try {
      const accepted = ws.upgrade(this.handle, {
        protocol: options.protocol ?? protocols?.find((protocol) => offered.includes(protocol)),
        headers: fields(options.headers),
        attachment: attachment ?? nothing,
        pinned,
      });
      return new Upgrade(accepted.socket, accepted.headers);
    } catch (error) {
      throw HttpError.from(error);
    }
  }

  /** Begins a response whose body is sent piece by piece, through a peer that only sends: the hooks
   * hear it `open`. Return its result. The functions `stream` and `sse` do it for you. */
  stream(options: StreamOptions = {}): Stream {
    try {
      const started = streams.start(this.handle, {
        status: options.status ?? 200,
        headers: fields(options.headers),
        attachment: nothing,
        pinned: options.pinned ?? false,
      });
      return new Stream(started.socket, started.status, started.headers);
    } catch (error) {
      throw HttpError.from(error);
    }
  }
}
