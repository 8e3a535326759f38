/** What a module says that its component is. */

import type { Event } from "./event.ts";
import type { Message } from "./message.ts";
import type { Answer, HeadersLike, HttpError, Response, Stream, Upgrade } from "./outcome.ts";
import type { CloseDetails, Peer } from "./peer.ts";
import type { Socket } from "./socket.ts";

export type Awaitable<T> = T | Promise<T>;

/** Answers requests. */
export type Handler = (event: Event) => Awaitable<Answer>;

/** The rest of the chain; at most once for an event. */
export type Next = () => Response | Upgrade | Stream;

/** Runs around handlers. */
export type Middleware = (event: Event, next: Next) => Awaitable<Answer>;

/** Answers for a failure; nothing lets it go on outward. */
export type ErrorHandler = (event: Event, error: HttpError) => Awaitable<Answer>;

/** How an upgrade is accepted; nothing accepts it as it is. */
export interface UpgradeAnswer {
  /** One of those that the request offers. */
  protocol?: string;
  /** Sent with the 101. */
  headers?: HeadersLike;
  /** What `peer.context` begins as. */
  context?: Record<string, unknown>;
}

/** What happens to the sockets of one component: all in one instance, so they share its memory. What
 * throws fails its session, by `error` if there is one: the socket closes with 1011. */
export interface Hooks {
  /** A request that asks for no upgrade; without this, it is told to (426). */
  request?: Handler;
  /** Accepts; a `Response` or a thrown `HttpError` refuses. */
  upgrade?(event: Event): Awaitable<UpgradeAnswer | Answer | void>;
  open?(peer: Peer): Awaitable<void>;
  message?(peer: Peer, message: Message): Awaitable<void>;
  /** The queue has emptied after `send` found it full. */
  drain?(peer: Peer): Awaitable<void>;
  /** The last call for this peer, exactly once, also where the handshake was not completed. */
  close?(peer: Peer, details: CloseDetails): Awaitable<void>;
  /** Instead of the log line for what a hook throws. */
  error?(peer: Peer, error: unknown): Awaitable<void>;
}

/** A session as a loop, in an instance of its own for each connection. */
export interface SessionOptions {
  /** Decides about the request; without this, what asks for an upgrade gets it. */
  request?: Handler;
  /** Returning closes with 1000. */
  run(socket: Socket): void;
}

/** What a module's default export is. */
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
