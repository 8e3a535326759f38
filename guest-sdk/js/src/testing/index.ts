/** Calls a component as the host would, for unit tests under Node, without a build or a network.
 *
 *     import assert from "node:assert/strict";
 *     import { test } from "node:test";
 *     import { TestHost } from "lithe-sdk/testing";
 *     import app from "./index.ts";
 *
 *     test("echoes", async () => {
 *       const client = await new TestHost(app).connect("/");
 *       await client.send("hello");
 *       assert.deepEqual(client.sent, ["hello"]);
 *     });
 */

import type { Fields, HttpError as Failure, Response as Answered } from "lithe:plugin/http@0.1.0";
import type { Outcome } from "lithe:plugin/outcome@0.1.0";
import type { CloseInfo, Message } from "lithe:plugin/socket@0.1.0";

import type { App } from "../define.ts";
import { component as errorHandler } from "../entry/error.ts";
import { component as hooks } from "../entry/hooks.ts";
import { component as middleware } from "../entry/middleware.ts";
import { component as route } from "../entry/route.ts";
import { component as session } from "../entry/session.ts";
import * as engine from "../full.ts";
import { HttpError, Response, fields, payload, response } from "../outcome.ts";
import type { HeadersLike } from "../outcome.ts";
import * as host from "./host.ts";

export interface RequestOptions {
  /** `GET` by default. */
  method?: string;
  headers?: HeadersLike;
  /** The route's parameters. */
  params?: Record<string, string>;
  body?: string | Uint8Array;
  /** The rest of the chain, for a middleware: an empty 200 by default. */
  next?: () => Response;
}

export interface ConnectOptions extends RequestOptions {
  /** The protocols that the client offers. */
  protocols?: string[];
}

/** The answer that a client gets. */
export class TestResponse {
  readonly status: number;
  /** The headers by their names in lower case. Of several of one name, it has the last. */
  readonly headers: Map<string, string>;
  readonly body: Uint8Array;

  /** @internal */
  constructor({ status, headers, body }: Answered) {
    this.status = status;
    this.headers = new Map(headers);
    this.body = bytes(body.tag === "empty" ? "" : body.val);
  }

  text(): string {
    return new TextDecoder().decode(this.body);
  }

  json(): any {
    return JSON.parse(this.text());
  }
}

interface Component {
  handler?: { handle(event: host.FakeEvent): Outcome | PromiseLike<Outcome> };
  middleware?: { handle(event: host.FakeEvent): Outcome | PromiseLike<Outcome> };
  errorHandler?: { handle(event: host.FakeEvent, failure: Failure): Answered | PromiseLike<Answered> };
  hooks?: {
    open(id: number): void | PromiseLike<void>;
    receive(id: number, messages: Message[]): void | PromiseLike<void>;
    close(id: number, info: CloseInfo): void | PromiseLike<void>;
    timer(id: number): void | PromiseLike<void>;
  };
  session?: { run(id: number): void };
}

/** A host with one component. A new host ends the one before, with its sockets. It has the timers
 * of hooks: `setTimeout` waits for `advance`. */
export class TestHost {
  #component: Component;

  constructor(app: App) {
    host.reset();
    this.#component = componentOf(app);
  }

  /** Makes a request, and returns its answer. A failure is an answer, too, with its message as the
   * body. A streamed response has its whole body. Throws if the component upgrades: see
   * `connect`. */
  async request(uri: string, options: RequestOptions = {}): Promise<TestResponse> {
    const outcome = await this.#outcome(event(uri, options, undefined));
    if (outcome instanceof HttpError) return failed(outcome);
    if (outcome.tag === "response") return new TestResponse(outcome.val);
    if (outcome.tag === "upgrade") throw new TypeError("the component upgrades: use `connect`");
    const { socket, status, headers } = outcome.val;
    await this.#open(socket);
    const text = (host.sockets.get(socket)?.sent ?? []).map((piece) => new TextDecoder().decode(bytes(piece)));
    return new TestResponse({ status, headers, body: { tag: "text", val: text.join("") } });
  }

  /** Opens a socket. Throws the component's `HttpError` if it refuses. */
  async connect(uri: string, options: ConnectOptions = {}): Promise<TestClient> {
    const outcome = await this.#outcome(event(uri, options, options.protocols ?? []));
    if (outcome instanceof HttpError) throw outcome;
    if (outcome.tag !== "upgrade") {
      throw new HttpError(outcome.val.status, "the component has answered instead of upgrading");
    }
    const { socket, headers } = outcome.val;
    await this.#open(socket);
    return new TestClient(this.#component, socket, new Map(headers));
  }

  /** An error handler's answer for a failure, or `undefined` if the failure goes on outward. */
  async fail(error: HttpError, uri = "/", options: RequestOptions = {}): Promise<TestResponse | undefined> {
    const { status, headers, message } = error;
    const handler = this.#component.errorHandler;
    if (!handler) throw new TypeError("it is not an error handler");
    try {
      return new TestResponse(await handler.handle(event(uri, options, undefined), { status, headers, message }));
    } catch (thrown) {
      const failure = HttpError.from(thrown);
      if (!(failure instanceof HttpError)) throw thrown;
      return failure.status === status && failure.message === message ? undefined : failed(failure);
    }
  }

  /** Lets so many milliseconds pass. Timers that are due by then run, in order. */
  async advance(milliseconds: number): Promise<void> {
    const until = host.clock.now + milliseconds;
    for (;;) {
      const [next] = [...host.timers].sort(([, one], [, other]) => one.due - other.due);
      if (!next || next[1].due > until) break;
      const [id, timer] = next;
      host.clock.now = timer.due;
      if (timer.period) timer.due += timer.period;
      else host.timers.delete(id);
      await this.#component.hooks?.timer(id);
    }
    host.clock.now = until;
  }

  async #outcome(event: host.FakeEvent): Promise<Outcome | HttpError> {
    const { handler, middleware } = this.#component;
    const handle = handler?.handle ?? middleware?.handle;
    if (!handle) throw new TypeError("it is an error handler: use `fail`");
    try {
      return await handle(event);
    } catch (thrown) {
      const failure = HttpError.from(thrown);
      if (failure instanceof HttpError) return failure;
      throw payload(thrown) ?? thrown;
    }
  }

  async #open(id: number): Promise<void> {
    const socket = host.sockets.get(id);
    if (socket) socket.state = "open";
    await this.#component.hooks?.open(id);
  }
}

/** The client's end of a socket that the component has accepted. */
export class TestClient {
  /** The headers of the 101. */
  readonly headers: Map<string, string>;
  #component: Component;
  #id: number;

  /** @internal */
  constructor(component: Component, id: number, headers: Map<string, string>) {
    this.#component = component;
    this.#id = id;
    this.headers = headers;
  }

  get #socket(): host.FakeSocket {
    const socket = host.sockets.get(this.#id);
    if (!socket) throw new TypeError("its host is gone");
    return socket;
  }

  /** The protocol that the component chose. */
  get protocol(): string | undefined {
    return this.#socket.protocol;
  }

  /** The messages that the component has sent. */
  get sent(): (string | Uint8Array)[] {
    return this.#socket.sent;
  }

  /** The code and the reason, if the component has closed the socket. */
  get closed(): { code: number; reason: string } | undefined {
    return this.#socket.closed;
  }

  /** Sends messages to the component. A session runs at once, with these messages, and ends after
   * them. */
  async send(...messages: (string | Uint8Array)[]): Promise<void> {
    const made = messages.map((val): Message => (typeof val === "string" ? { tag: "text", val } : { tag: "binary", val }));
    this.#socket.received = made;
    this.#component.session?.run(this.#id);
    await this.#component.hooks?.receive(this.#id, made);
  }

  /** Closes the socket from the client's side. */
  async close(code = 1000, reason = ""): Promise<void> {
    this.#socket.state = "closed";
    await this.#component.hooks?.close(this.#id, { code, reason, clean: true });
  }
}

function componentOf(app: App): Component {
  switch (app.kind) {
    case "route":
      return route(app, engine);
    case "hooks":
      return hooks(app, engine);
    case "session":
      return session(app, engine);
    case "middleware":
      return middleware(app, engine);
    case "error":
      return errorHandler(app, engine);
  }
}

function bytes(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

function failed({ status, headers, message }: HttpError): TestResponse {
  return new TestResponse({ status, headers, body: { tag: "text", val: message } });
}

function event(uri: string, options: RequestOptions, protocols: string[] | undefined): host.FakeEvent {
  const headers: Fields = fields(options.headers);
  const params = Object.entries(options.params ?? {});
  const locals = new Map<string, string>();
  const [path = "", ...query] = uri.split("?");
  return {
    protocols,
    rest: () => ({ tag: "response", val: response(options.next?.() ?? new Response()) }),
    id: () => "test",
    method: () => options.method ?? "GET",
    uri: () => uri,
    path: () => decodeURIComponent(path),
    query: () => (query.length ? query.join("?") : undefined),
    scheme: () => "http",
    authority: () => "localhost",
    headers: () => headers,
    header: (name) => headers.find(([known]) => known === name.toLowerCase())?.[1],
    route: () => path,
    params: () => params,
    param: (name) => params.find(([known]) => known === name)?.[1],
    clientAddress: () => "127.0.0.1:1",
    body: () => bytes(options.body ?? ""),
    local: (key) => locals.get(key),
    setLocal: (key, value) => void locals.set(key, value),
  };
}
