/** The functions of which one makes a module's default export. */

import { Router } from "./app/router.ts";
import { isPromise } from "./awaitable.ts";
import type { Awaitable } from "./awaitable.ts";
import type { Event, UpgradeOptions } from "./event.ts";
import type { Message } from "./message.ts";
import type { Answer, HttpError, Outcome } from "./outcome.ts";
import type { CloseDetails, Peer } from "./peer.ts";
import type { Socket } from "./socket.ts";

/** Answers requests. */
export type Handler = (event: Event) => Awaitable<Answer>;

/** Runs the rest of the chain, at most once for an event. */
export type Next = () => Outcome;

/** Runs around handlers of other components. */
export type Middleware = (event: Event, next: Next) => Awaitable<Answer>;

/** Runs the rest of an app's chain. A handler may answer later, so await it. */
export type AppNext = () => Awaitable<Outcome>;

/** Runs around handlers of an app. It may be a component of its own, too. */
export type AppMiddleware = (event: Event, next: AppNext) => Awaitable<Answer>;

/** Answers for a failure. If it returns nothing, the failure goes on outward. */
export type ErrorHandler = (event: Event, error: HttpError) => Awaitable<Answer>;

/** What happens to sockets. All sockets of a component are in one instance, so they share its memory.
 * A hook that throws fails its session: `error` runs, if there is one, and the socket closes with
 * 1011. */
export interface SocketHooks {
  /** Answers a request that asks for no upgrade. Without this, the answer is 426. */
  request?: Handler;
  /** Accepts an upgrade, with the options that it returns, if any. A `Response` or a thrown `HttpError`
   * refuses it. */
  upgrade?(event: Event): Awaitable<UpgradeOptions | Answer | void>;
  open?(peer: Peer): Awaitable<void>;
  message?(peer: Peer, message: Message): Awaitable<void>;
  /** The outbound queue has emptied after `send` found it full. */
  drain?(peer: Peer): Awaitable<void>;
  /** A new version of the component has taken the socket over. */
  resume?(peer: Peer): Awaitable<void>;
  /** The socket has ended. This is its last call: it comes exactly once, even if the handshake was
   * not completed. */
  close?(peer: Peer, details: CloseDetails): Awaitable<void>;
  /** Takes what a hook throws, in place of the log. */
  error?(peer: Peer, error: unknown): Awaitable<void>;
}

/** Memory that moves when a new version takes over, or when the host drops an idle instance. What
 * `save` returns is kept as JSON, or with `format: "bytes"` as it is; the site bounds it (1 MiB by
 * default). Older and newer versions read each other's state, for a roll back is a swap, too.
 *
 * `save` leaves the memory as it is: the host asks in a dry run of a deploy, too. If it throws, the
 * instance goes on with its memory, and no other version takes over. */
export type State =
  | {
      format?: "json";
      save(): unknown;
      /** Adds what another instance has saved to the memory. It may come more than once, so it does not
       * replace the memory. If it throws, the version before goes on. */
      restore(saved: any): Awaitable<void>;
    }
  | {
      format: "bytes";
      save(): Awaitable<Uint8Array>;
      restore(saved: Uint8Array): Awaitable<void>;
    };

export interface Health {
  /** Runs before a new version serves anything. If it throws, the version before goes on, and the log
   * has the error's message. */
  health?(): Awaitable<void>;
}

/** What a component with sockets may say of its memory. */
export interface Memory extends Health {
  state?: State;
}

export interface Hooks extends SocketHooks, Memory {}

/** A blocking session, in an instance of its own for each connection. */
export interface Session {
  /** Answers all requests. One with `event.isUpgradeRequest` is accepted by `event.upgrade()`, or by its
   * options as the hooks' `upgrade` returns them. A `Response` or a thrown `HttpError` refuses it. Without
   * this, each request that asks for an upgrade gets one. */
  request?: Handler;
  /** Runs the session. Returning closes the socket with 1000. */
  run(socket: Socket): void;
}

export interface SessionOptions extends Session, Health {}

/** A module's default export. */
export type App =
  | { kind: "route"; handler: Handler; options: Health }
  | { kind: "app"; router: Router; options: Memory }
  | { kind: "hooks"; hooks: Hooks; options: Memory }
  | { kind: "session"; session: SessionOptions; options: Health }
  | { kind: "middleware"; middleware: Middleware; options: Health }
  | { kind: "error"; errorHandler: ErrorHandler; options: Health };

export function defineHandler(handler: Handler, options: Health = {}): App {
  return { kind: "route", handler, options };
}

/** One component with several routes: `build` names them. It runs once, at build time. */
export function defineApp(build: (app: Router) => void, options: Memory = {}): App {
  const router = new Router();
  if (isPromise(build(router) as Awaitable<void>)) {
    throw new Error("`defineApp` needs a function that is not `async`: routes that it adds later would be lost");
  }
  return { kind: "app", router, options };
}

export function defineHooks(hooks: Hooks): App {
  return { kind: "hooks", hooks, options: hooks };
}

export function defineSession(session: SessionOptions | SessionOptions["run"]): App {
  const all = typeof session === "function" ? { run: session } : session;
  return { kind: "session", session: all, options: all };
}

export function defineMiddleware(middleware: Middleware, options: Health = {}): App {
  return { kind: "middleware", middleware, options };
}

export function defineErrorHandler(errorHandler: ErrorHandler, options: Health = {}): App {
  return { kind: "error", errorHandler, options };
}
