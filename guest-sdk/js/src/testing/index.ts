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

import type { Awaitable } from "../awaitable.ts";
import { planned } from "../build/plan.ts";
import type { App } from "../define.ts";
import { component as app } from "../entry/app-hooks.ts";
import { component as appSession } from "../entry/app-session.ts";
import { component as errorHandler } from "../entry/error.ts";
import { component as hooks } from "../entry/hooks.ts";
import { component as middleware } from "../entry/middleware.ts";
import { component as route } from "../entry/route.ts";
import { component as session } from "../entry/session.ts";
import { forgetEnvironment } from "../env.ts";
import * as engine from "../full/engine.ts";
import { fields } from "../headers.ts";
import type { HeadersLike } from "../headers.ts";
import { HttpError, Response, payload, response } from "../outcome.ts";
import { percentDecoded } from "../values.ts";
import * as host from "./host.ts";
import { find } from "./routes.ts";

export interface HostOptions {
  /** The variables and secrets that `lithe.toml` grants the component. */
  env?: Record<string, string>;
}

export interface RequestOptions {
  /** `GET` by default. */
  method?: string;
  headers?: HeadersLike;
  /** The route's parameters. For an app, its patterns give them. */
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

/** What is called of a component. */
interface Component {
  handler?: { handle(event: host.PlayedEvent): Awaitable<Outcome> };
  middleware?: { handle(event: host.PlayedEvent): Awaitable<Outcome> };
  errorHandler?: { handle(event: host.PlayedEvent, failure: Failure): Awaitable<Answered> };
  hooks?: {
    open(id: number): Awaitable<void>;
    receive(id: number, messages: Message[]): Awaitable<void>;
    close(id: number, info: CloseInfo): Awaitable<void>;
    timer(id: number): Awaitable<void>;
  };
  session?: { run(id: number): Awaitable<void> };
  resume?: { resume(id: number): Awaitable<void> };
  state?: { save(): Awaitable<Uint8Array>; restore(saved: Uint8Array): Awaitable<void> };
  health?: { check(): Awaitable<void> };
}

/** How many bytes a state may have: the site's limit, if `lithe.toml` says nothing else. */
const STATE_LIMIT = 1024 * 1024;

/** A host with one component. A new host ends the one before, with its sockets. It has the timers
 * of hooks: `setTimeout` waits for `advance`. */
export class TestHost {
  #app: App;
  #component: Component;
  /** Which version has each socket. */
  #owners = new Map<number, Component>();

  constructor(app: App, { env = {} }: HostOptions = {}) {
    host.reset();
    forgetEnvironment();
    for (const [name, value] of Object.entries(env)) host.environment.set(name, value);
    this.#app = app;
    this.#component = componentOf(app);
  }

  /** Makes a request, and returns its answer. A failure is an answer, too, with its message as the
   * body. A streamed response has what has been sent by then. Throws if the component upgrades: see
   * `connect`. */
  async request(uri: string, options: RequestOptions = {}): Promise<TestResponse> {
    const outcome = await this.#outcome(uri, options, undefined);
    if (outcome instanceof HttpError) return failed(outcome);
    if (outcome.tag === "response") return new TestResponse(outcome.val);
    if (outcome.tag === "upgrade") throw new TypeError("the component upgrades: use `connect`");
    const { status, headers, socket } = outcome.val;
    const { sent } = await this.#open(socket, headers);
    const text = sent.map((piece) => new TextDecoder().decode(bytes(piece)));
    return new TestResponse({ status, headers, body: { tag: "text", val: text.join("") } });
  }

  /** Opens a socket. Throws the component's `HttpError` if it refuses. */
  async connect(uri: string, options: ConnectOptions = {}): Promise<TestClient> {
    const outcome = await this.#outcome(uri, options, options.protocols ?? []);
    if (outcome instanceof HttpError) throw outcome;
    if (outcome.tag !== "upgrade") {
      throw new HttpError(outcome.val.status, "the component has answered instead of upgrading");
    }
    return this.#open(outcome.val.socket, outcome.val.headers);
  }

  /** Begins to read a streamed response, for one that takes its time: `advance` lets it pass. */
  async stream(uri: string, options: RequestOptions = {}): Promise<TestClient> {
    const outcome = await this.#outcome(uri, options, undefined);
    if (outcome instanceof HttpError) throw outcome;
    if (outcome.tag !== "streamed") throw new TypeError("the component does not stream its answer");
    return this.#open(outcome.val.socket, outcome.val.headers);
  }

  /** An error handler's answer for a failure, or `undefined` if the failure goes on outward. */
  async fail(error: HttpError, uri = "/", options: RequestOptions = {}): Promise<TestResponse | undefined> {
    const { status, headers, message } = error;
    const handler = this.#component.errorHandler;
    if (!handler) throw new TypeError("it is not an error handler");
    try {
      const made = event(uri, options, undefined) as host.PlayedEvent;
      return new TestResponse(await handler.handle(made, { status, headers, message }));
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
      // An instance knows its own timers only.
      for (const component of new Set([this.#component, ...this.#owners.values()])) await component.hooks?.timer(id);
      await this.#settle();
    }
    host.clock.now = until;
  }

  /** What the component's `state` saves: a value, or bytes if its format says so. Throws if it cannot. */
  async save(): Promise<any> {
    const saved = await this.#saved(this.#stateful());
    return isBytes(this.#app) ? saved : JSON.parse(new TextDecoder().decode(saved));
  }

  /** Restores what `save` of another instance has given. Throws if the component refuses. */
  async restore(saved: unknown): Promise<void> {
    const made = isBytes(this.#app) ? (saved as Uint8Array) : new TextEncoder().encode(JSON.stringify(saved));
    await refusable("cannot restore the state", () => this.#stateful().restore(made));
  }

  /** Why the component's `health` refuses to serve, if it does. */
  async health(): Promise<string | undefined> {
    try {
      await this.#component.health?.check();
      return undefined;
    } catch (reason) {
      return String(reason);
    }
  }

  /** Another version takes over: it is asked for its health, restores what this one saves, and hears of
   * each socket. Throws if it refuses, and then this one goes on. Both have the memory of their
   * modules: if it is the same module, it is the same memory. */
  async swap(app: App): Promise<void> {
    const component = componentOf(app);
    await refusable("the new version is not healthy", () => component.health?.check());
    const before = component.state && this.#component.state;
    const saved = before && (await this.#saved(before));
    if (saved) {
      if (saved.length > STATE_LIMIT) throw new Error(`the state is ${saved.length} bytes: the limit is ${STATE_LIMIT}`);
      await refusable("cannot restore the state", () => component.state?.restore(saved));
    }
    [this.#app, this.#component] = [app, component];
    for (const [id, { state, pinned }] of host.sockets) {
      if (state === "closed" || pinned) continue;
      this.#owners.set(id, component);
      await component.resume?.resume(id);
    }
    await this.#settle();
  }

  async #saved(state: NonNullable<Component["state"]>): Promise<Uint8Array> {
    return await refusable("cannot save the state", () => state.save());
  }

  #stateful(): NonNullable<Component["state"]> {
    const { state } = this.#component;
    if (!state) throw new TypeError("the component has no `state`");
    return state;
  }

  async #outcome(uri: string, options: RequestOptions, protocols: string[] | undefined): Promise<Outcome | HttpError> {
    const { handler, middleware } = this.#component;
    const handle = handler?.handle ?? middleware?.handle;
    if (!handle) throw new TypeError("it is an error handler: use `fail`");
    const made = event(uri, options, protocols, this.#app);
    if (made instanceof HttpError) return made;
    try {
      return await handle(made);
    } catch (thrown) {
      const failure = HttpError.from(thrown);
      if (failure instanceof HttpError) return failure;
      throw payload(thrown) ?? thrown;
    } finally {
      await this.#settle();
    }
  }

  async #open(id: number, headers: Fields): Promise<TestClient> {
    this.#owners.set(id, this.#component);
    const socket = host.sockets.get(id);
    if (socket) socket.state = "open";
    await this.#component.hooks?.open(id);
    if (socket?.isStream) await this.#component.session?.run(id);
    await this.#settle();
    return new TestClient(id, new Map(headers), () => this.#owners.get(id) ?? this.#component, () => this.#settle());
  }

  /** The component hears of the sockets that it has closed. */
  async #settle(): Promise<void> {
    for (const [id, socket] of host.sockets) {
      if (socket.state !== "closing" || !socket.closed) continue;
      const { code, reason } = socket.closed;
      await this.#owners.get(id)?.hooks?.close(id, { code, reason, clean: code !== 1006 });
      socket.state = "closed";
    }
  }
}

/** The client's end of a socket that the component has accepted. */
export class TestClient {
  /** The headers of the 101. */
  readonly headers: Map<string, string>;
  readonly #id: number;
  #component: () => Component;
  #settle: () => Promise<void>;

  /** @internal */
  constructor(id: number, headers: Map<string, string>, component: () => Component, settle: () => Promise<void>) {
    this.#id = id;
    this.headers = headers;
    this.#component = component;
    this.#settle = settle;
  }

  get #socket(): host.PlayedSocket {
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
    const { session, hooks } = this.#component();
    this.#socket.received = made;
    await session?.run(this.#id);
    if (this.#socket.state === "open") await hooks?.receive(this.#id, made);
    await this.#settle();
  }

  /** Closes the socket from the client's side, unless it is closed. */
  async close(code = 1000, reason = ""): Promise<void> {
    if (this.#socket.state === "closed") return;
    this.#socket.state = "closing";
    await this.#component().hooks?.close(this.#id, { code, reason, clean: true });
    this.#socket.state = "closed";
    await this.#settle();
  }
}

function componentOf(module: App): Component {
  const kind = module.kind === "app" ? (hasSessions(module) ? "session" : "hooks") : module.kind;
  const plan = planned(module, kind);
  if (typeof plan === "string") throw new TypeError(plan);
  const { exports } = plan;
  const all = made(module);
  return Object.fromEntries(Object.entries(all).filter(([name]) => exports.includes(name)));
}

function made(module: App): Component {
  switch (module.kind) {
    case "app":
      return hasSessions(module) ? appSession(module, engine) : app(module, engine);
    case "route":
      return route(module, engine);
    case "hooks":
      return hooks(module, engine);
    case "session":
      return session(module, engine);
    case "middleware":
      return middleware(module, engine);
    case "error":
      return errorHandler(module, engine);
  }
}

function hasSessions(module: App): boolean {
  return module.kind === "app" && [...module.router.slots.values()].some(({ session }) => session);
}

function isBytes({ options }: App): boolean {
  return "state" in options && options.state?.format === "bytes";
}

/** Gives the reason why a component refuses a name. */
async function refusable<T>(what: string, call: () => Awaitable<T>): Promise<T> {
  try {
    return await call();
  } catch (reason) {
    throw new Error(`${what}: ${String(reason)}`);
  }
}

function bytes(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

function failed({ status, headers, message }: HttpError): TestResponse {
  return new TestResponse({ status, headers, body: { tag: "text", val: message } });
}

/** The request as the host hands it on, or the host's own answer. */
function event(
  uri: string,
  options: RequestOptions,
  protocols: string[] | undefined,
  app?: App,
): host.PlayedEvent | HttpError {
  const { method = "GET" } = options;
  const headers: Fields = fields(options.headers);
  const locals = new Map<string, string>();
  const [encoded = "", ...query] = uri.split("?");
  const path = percentDecoded(encoded);
  let [route, params] = [path, Object.entries(options.params ?? {})];
  if (app?.kind === "app") {
    const found = find(app.router, method, path);
    if (!found) return new HttpError(404, "not found");
    if ("allowed" in found) return new HttpError(405, "method not allowed", { allow: found.allowed.join(", ") });
    [route, params] = [found.pattern, found.params];
  }
  return {
    protocols,
    rest: () => ({ tag: "response", val: response(options.next?.() ?? new Response()) }),
    id: () => "test",
    method: () => method,
    uri: () => uri,
    path: () => path,
    query: () => (query.length ? query.join("?") : undefined),
    scheme: () => "http",
    authority: () => headers.find(([known]) => known === "host")?.[1] ?? "localhost",
    headers: () => headers,
    header: (name) => headers.find(([known]) => known === name.toLowerCase())?.[1],
    route: () => route,
    params: () => params,
    param: (name) => params.find(([known]) => known === name)?.[1],
    clientAddress: () => "127.0.0.1:1",
    body: () => bytes(options.body ?? ""),
    local: (key) => locals.get(key),
    setLocal: (key, value) => void locals.set(key, value),
  };
}
