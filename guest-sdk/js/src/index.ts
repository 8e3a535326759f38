/** Handlers and WebSocket sessions for Lithe. One `define…` is the module's default export. */

export type { Router } from "./app/router.ts";
export type { Awaitable } from "./awaitable.ts";
export { cookie } from "./cookie.ts";
export type { CookieOptions } from "./cookie.ts";
export {
  defineApp,
  defineErrorHandler,
  defineHandler,
  defineHooks,
  defineMiddleware,
  defineSession,
} from "./define.ts";
export type {
  App,
  AppMiddleware,
  AppNext,
  ErrorHandler,
  Handler,
  Health,
  Hooks,
  Memory,
  Middleware,
  Next,
  Session,
  SessionOptions,
  SocketHooks,
  State,
} from "./define.ts";
export { env } from "./env.ts";
export { Event } from "./event.ts";
export type { StreamOptions, UpgradeOptions } from "./event.ts";
export type { HeadersLike } from "./headers.ts";
export type { ParseOptions } from "./json.ts";
export { Message } from "./message.ts";
export { basicAuth, bearerAuth, bearerToken } from "./middleware/auth.ts";
export { cors } from "./middleware/cors.ts";
export type { CorsOptions } from "./middleware/cors.ts";
export type { Lazy } from "./middleware/lazy.ts";
export { sameOrigin } from "./middleware/origin.ts";
export { requestId, timing } from "./middleware/trace.ts";
export { HttpError, Response, Stream, Upgrade } from "./outcome.ts";
export type { Answer, Outcome } from "./outcome.ts";
export { Closed, Peer, QueueFull, members, publish } from "./peer.ts";
export type { CloseDetails, Sendable } from "./peer.ts";
export { toRequest } from "./request.ts";
export { constantTimeEqual } from "./secret.ts";
export { Socket, TimedOut } from "./socket.ts";
export { sse, stream } from "./stream.ts";
export type { Body, Source, Sse } from "./stream.ts";
export type { Values } from "./values.ts";
