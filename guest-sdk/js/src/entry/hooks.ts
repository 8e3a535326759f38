/** The kind `hooks`. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";
import type { CloseInfo, Message as Said } from "lithe:plugin/socket@0.1.0";

import type { App, UpgradeAnswer } from "../define.ts";
import type { Engine } from "../engine.ts";
import { described, isPromise } from "../engine.ts";
import type { Event } from "../event.ts";
import { Message } from "../message.ts";
import { Response, Stream, Upgrade, toOutcome } from "../outcome.ts";
import type { Answer } from "../outcome.ts";
import { Peer } from "../peer.ts";
import { answered, checked, then } from "./answer.ts";
import { Timers } from "./timers.ts";

export function component(app: App | undefined, engine: Engine) {
  const { hooks } = checked(app, "hooks");
  const peers = new Map<number, Peer>();
  const timers = new Timers();

  function peerOf(id: number): Peer {
    let peer = peers.get(id);
    if (!peer) peers.set(id, (peer = new Peer(id)));
    return peer;
  }

  function request(event: Event): Answer {
    if (!event.isUpgradeRequest) return hooks.request ? hooks.request(event) : event.upgrade();
    return then(hooks.upgrade?.(event), (answer) => accepted(event, answer));
  }

  function failed(peer: Peer, error: unknown): void {
    peer.fail(String(error));
    if (!hooks.error) return console.error(described(error));
    try {
      const told = hooks.error(peer, error);
      if (isPromise(told)) told.then(undefined, (worse: unknown) => console.error(described(worse)));
    } catch (worse) {
      console.error(described(worse));
    }
  }

  /** Calls a hook. If its promise is not settled then, it goes on when it can, and nothing waits
   * for it. */
  function event(peer: Peer, call: () => void | PromiseLike<void>): void | PromiseLike<void> {
    try {
      const result = call();
      if (isPromise(result)) {
        result.then(() => peer.saveContext(), (error: unknown) => failed(peer, error));
        return engine.goOn();
      }
      peer.saveContext();
    } catch (error) {
      failed(peer, error);
    }
    return timers.isSmall ? engine.goOn() : undefined;
  }

  return {
    handler: {
      handle(handle: Handle) {
        timers.begin();
        const outcome = answered(engine, handle, (event) => then(request(event), toOutcome));
        if (!isPromise(outcome)) timers.end();
        else outcome.then(() => timers.end(), () => timers.end());
        return outcome;
      },
    },
    hooks: {
      open(id: number) {
        const peer = peerOf(id);
        return event(peer, () => hooks.open?.(peer));
      },
      receive(id: number, messages: Said[]) {
        const peer = peerOf(id);
        let last: void | PromiseLike<void> = undefined;
        for (const said of messages) last = event(peer, () => hooks.message?.(peer, new Message(said)));
        return last;
      },
      drain(id: number) {
        const peer = peerOf(id);
        return event(peer, () => hooks.drain?.(peer));
      },
      close(id: number, { code, reason, clean }: CloseInfo) {
        const peer = peerOf(id);
        peers.delete(id);
        const result = event(peer, () => hooks.close?.(peer, { code, reason, clean }));
        if (!isPromise(result)) peer.forget();
        return result;
      },
      timer(id: number) {
        try {
          timers.fire(id);
        } catch (error) {
          console.error(described(error));
        }
        return engine.goOn();
      },
    },
  };
}

/** The result of `upgrade` as an answer. */
function accepted(event: Event, answer: UpgradeAnswer | Answer | void): Answer {
  const isAnswer = answer instanceof Response || answer instanceof Upgrade || answer instanceof Stream;
  if (isAnswer || (typeof answer === "object" && answer !== null && "arrayBuffer" in answer)) return answer;
  const { protocol, headers, context } = (answer ?? {}) as UpgradeAnswer;
  const attachment = context && new TextEncoder().encode(JSON.stringify(context));
  return event.upgrade({
    ...(protocol !== undefined && { protocol }),
    ...(headers && { headers }),
    ...(attachment && { attachment }),
  });
}
