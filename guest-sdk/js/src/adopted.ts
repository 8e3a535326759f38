/** Sockets that have hooks of their own, from the handler that has accepted them: a route of an app,
 * or a streamed response. */

import type { SocketHooks } from "./define.ts";

/** By the socket's number, until the first event of the socket. */
export const adopted = new Map<number, SocketHooks>();
