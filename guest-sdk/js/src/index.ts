/** Handlers and WebSocket sessions for Lithe. One `define…` is the module's default export. */

export {
  defineErrorHandler,
  defineHandler,
  defineHooks,
  defineMiddleware,
  defineSession,
} from "./define.ts";
export type {
  App,
  Awaitable,
  ErrorHandler,
  Handler,
  Hooks,
  Middleware,
  Next,
  SessionOptions,
  UpgradeAnswer,
} from "./define.ts";
export { Event } from "./event.ts";
export { Message } from "./message.ts";
export { HttpError, Response, Stream, Upgrade } from "./outcome.ts";
export type { Answer, HeadersLike } from "./outcome.ts";
export { Peer, members, publish } from "./peer.ts";
export type { CloseDetails, Sendable } from "./peer.ts";
export { Socket, TimedOut } from "./socket.ts";
