/** How what a module defines answers a request. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";
import type { Outcome as Contract } from "lithe:plugin/outcome@0.1.0";

import type { Awaitable } from "../awaitable.ts";
import { caught, then } from "../awaitable.ts";
import type { Engine } from "../engine.ts";
import { Event } from "../event.ts";
import { refusal, thrown, toContract, toOutcome } from "../outcome.ts";
import type { Answer } from "../outcome.ts";

/** Calls a handler, and makes the contract's outcome of what it answers. */
export function answer(
  engine: Engine,
  handle: Handle,
  handler: (event: Event) => Awaitable<Answer>,
): Awaitable<Contract> {
  return answered(engine, handle, (event) =>
    then(then(handler(event), (answer) => toOutcome(answer, event)), toContract));
}

/** Calls something with the event, and makes the contract's error of any exception. */
export function answered<T>(engine: Engine, handle: Handle, call: (event: Event) => Awaitable<T>): Awaitable<T> {
  const dispose = () => handle[Symbol.dispose]?.();
  return then(
    caught(
      () => engine.settle(call(new Event(handle))),
      (reason) => {
        dispose();
        throw thrown(refusal(reason));
      },
    ),
    (result) => {
      dispose();
      return result;
    },
  );
}
