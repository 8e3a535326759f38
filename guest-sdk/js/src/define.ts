/** The functions of which one makes a module's default export. */

import type { Event } from "./event.ts";
import type { Message } from "./message.ts";
import type { Answer, HeadersLike, HttpError, Response, Stream, Upgrade } from "./outcome.ts";
import type { CloseDetails, Peer } from "./peer.ts";
import type { Socket } from "./socket.ts";

export type Awaitable<T> = T | Promise<T>;

/** Answers requests. */
export type Handler = (event: Event) => Awaitable<Answer>;

/** Runs the rest of the chain, at most once for an event. */
export type Next = () => Response | Upgrade | Stream;

/** Runs around handlers. */
export type Middleware = (event: Event, next: Next) => Awaitable<Answer>;

/** Answers for a failure. If it returns nothing, the failure goes on outward. */
export type ErrorHandler = (event: Event, error: HttpError) => Awaitable<Answer>;

/** How an upgrade is accepted. All of it may be left out. */
export interface UpgradeAnswer {
  /** One of the protocols that the request offers. */
  protocol?: string;
  /** Headers that are sent with the 101. */
  headers?: HeadersLike;
  /** The first value of `peer.context`. */
  context?: Record<string, unknown>;
}

/** What happens to the sockets of one component. All are in one instance, so they share its memory.
 * A hook that throws fails its session: `error` runs, if there is one, and the socket closes with
 * 1011. */
export interface Hooks {
  /** Answers a request that asks for no upgrade. Without this, the answer is 426. */
  request?: Handler;
  /** Accepts an upgrade. A `Response` or a thrown `HttpError` refuses it. */
  upgrade?(event: Event): Awaitable<UpgradeAnswer | Answer | void>;
  open?(peer: Peer): Awaitable<void>;
  message?(peer: Peer, message: Message): Awaitable<void>;
  /** The outbound queue has emptied after `send` found it full. */
  drain?(peer: Peer): Awaitable<void>;
  /** The socket has ended. This is its last call: it comes exactly once, even if the handshake was
   * not completed. */
  close?(peer: Peer, details: CloseDetails): Awaitable<void>;
  /** Takes what a hook throws, in place of the log. */
  error?(peer: Peer, error: unknown): Awaitable<void>;
}

/** A session as a loop, in an instance of its own for each connection. */
export interface SessionOptions {
  /** Answers a request. Without this, each request that asks for an upgrade gets one. */
  request?: Handler;
  /** Runs the session. Returning closes the socket with 1000. */
  run(socket: Socket): void;
}

/** A module's default export. */
export type App =
  | { kind: "route"; handler: Handler }
  | { kind: "hooks"; hooks: Hooks }
  | { kind: "session"; session: SessionOptions }
  | { kind: "middleware"; middleware: Middleware }
  | { kind: "error"; errorHandler: ErrorHandler };

export function defineHandler(handler: Handler): App {
  return { kind: "route", handler };
}

export function defineHooks(hooks: Hooks): App {
  return { kind: "hooks", hooks };
}

export function defineSession(session: SessionOptions | SessionOptions["run"]): App {
  return { kind: "session", session: typeof session === "function" ? { run: session } : session };
}

export function defineMiddleware(middleware: Middleware): App {
  return { kind: "middleware", middleware };
}

export function defineErrorHandler(errorHandler: ErrorHandler): App {
  return { kind: "error", errorHandler };
}
