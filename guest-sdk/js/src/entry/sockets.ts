/** From what the host says of sockets to their hooks. */

import type { CloseInfo, Message as Said } from "lithe:plugin/socket@0.1.0";

import { adopted } from "../adopted.ts";
import type { Awaitable } from "../awaitable.ts";
import { isPromise } from "../awaitable.ts";
import type { SocketHooks } from "../define.ts";
import type { Engine } from "../engine.ts";
import { Message } from "../message.ts";
import { Closed, Peer } from "../peer.ts";
import { described } from "../stack.ts";
import type { Timers } from "./timers.ts";

/** A socket that this instance has seen. */
interface Seen {
  peer: Peer;
  hooks: SocketHooks;
  hasFailed: boolean;
}

/** No hooks of this version hear the socket. */
const deaf: SocketHooks = {};

/** The exports `hooks` and `resume`. `hooksOf` finds the hooks of a socket that no handler of this
 * instance has accepted: another version has. */
export function socketsOf(engine: Engine, timers: Timers, hooksOf: (peer: Peer) => SocketHooks | undefined) {
  const sockets = new Map<number, Seen>();

  function seen(id: number): Seen {
    return sockets.get(id) ?? meet(id);
  }

  function meet(id: number): Seen {
    const peer = new Peer(id);
    const hooks = adopted.get(id) ?? hooksOf(peer);
    adopted.delete(id);
    const socket = { peer, hooks: hooks ?? deaf, hasFailed: false };
    sockets.set(id, socket);
    if (!hooks) peer.fail("no hooks of this version hear this socket");
    return socket;
  }

  function failed(socket: Seen, error: unknown): void {
    const { peer, hooks } = socket;
    socket.hasFailed = true;
    // `close` is on its way.
    if (error instanceof Closed && error.peer === peer.id) return;
    peer.fail(String(error));
    if (!hooks.error) return console.error(described(error));
    try {
      const told = hooks.error(peer, error);
      if (isPromise(told)) told.then(undefined, (worse: unknown) => console.error(described(worse)));
    } catch (worse) {
      console.error(described(worse));
    }
  }

  /** Calls a hook. If its promise is not settled then, it goes on when it can, and nothing waits for
   * it. */
  function event(socket: Seen, call: () => Awaitable<void>): Awaitable<void> {
    const { peer } = socket;
    try {
      const result = call();
      if (isPromise(result)) {
        const settled = result.then(() => peer.saveContext());
        settled.then(undefined, (error: unknown) => failed(socket, error));
        return engine.goOn();
      }
      peer.saveContext();
    } catch (error) {
      failed(socket, error);
    }
    return timers.isSmall ? engine.goOn() : undefined;
  }

  return {
    hooks: {
      open(id: number) {
        const socket = seen(id);
        return event(socket, () => socket.hooks.open?.(socket.peer));
      },
      receive(id: number, messages: Said[]) {
        const socket = seen(id);
        const { peer, hooks } = socket;
        let last: Awaitable<void> = undefined;
        for (const said of messages) {
          if (socket.hasFailed) break;
          last = event(socket, () => hooks.message?.(peer, new Message(said)));
        }
        return last;
      },
      drain(id: number) {
        const socket = seen(id);
        return event(socket, () => socket.hooks.drain?.(socket.peer));
      },
      close(id: number, { code, reason, clean }: CloseInfo) {
        const socket = seen(id);
        sockets.delete(id);
        const result = event(socket, () => socket.hooks.close?.(socket.peer, { code, reason, clean }));
        if (!isPromise(result)) socket.peer.forget();
        return result;
      },
      timer(id: number) {
        const failed = (error: unknown) => {
          // A peer may leave between two ticks.
          if (!(error instanceof Closed)) console.error(described(error));
        };
        try {
          const result = timers.fire(id);
          if (isPromise(result)) result.then(undefined, failed);
        } catch (error) {
          failed(error);
        }
        return engine.goOn();
      },
    },
    resume: {
      resume(id: number) {
        const socket = seen(id);
        return event(socket, () => socket.hooks.resume?.(socket.peer));
      },
    },
  };
}
