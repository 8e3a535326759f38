/** `setTimeout` and the like, by the host's timers. Each is a call of its own when it is due. */

import { cancel, set } from "lithe:plugin/timers@0.1.0";

import type { Awaitable } from "../awaitable.ts";
import { caught, then } from "../awaitable.ts";

type Callback = (...args: unknown[]) => unknown;

/** The longest that the host counts, in milliseconds. */
const LONGEST = 0xffff_ffff;

/** What the engine has of its own; the small one has none. */
const engines = { setTimeout: globalThis.setTimeout, setInterval: globalThis.setInterval };
const clear = globalThis.clearTimeout;

export class Timers {
  /** Whether the engine has no timers of its own. */
  readonly isSmall = engines.setTimeout === undefined;
  #callbacks = new Map<number, { call: () => unknown; repeat: boolean }>();
  #ours = {
    setTimeout: (callback: Callback, ms?: number, ...args: unknown[]) => this.#set(callback, ms, false, args),
    setInterval: (callback: Callback, ms?: number, ...args: unknown[]) => this.#set(callback, ms, true, args),
  };

  constructor() {
    const forget = (id?: number) => {
      if (id !== undefined && this.#callbacks.delete(id)) cancel(id);
      else if (!this.isSmall) clear(id);
    };
    Object.assign(globalThis, this.#ours, { clearTimeout: forget, clearInterval: forget });
  }

  /** Runs a handler. The full engine waits for it, and it can wait for the engine's own timers
   * only. */
  during<T>(handler: () => Awaitable<T>): Awaitable<T> {
    if (this.isSmall) return handler();
    Object.assign(globalThis, engines);
    const end = () => Object.assign(globalThis, this.#ours);
    return then(
      caught(handler, (reason) => {
        end();
        throw reason;
      }),
      (result) => {
        end();
        return result;
      },
    );
  }

  /** The host calls this when a timer is due. Returns what the callback returns. */
  fire(id: number): unknown {
    const found = this.#callbacks.get(id);
    if (!found) return undefined;
    if (!found.repeat) this.#callbacks.delete(id);
    return found.call();
  }

  #set(callback: Callback, milliseconds = 0, repeat: boolean, args: unknown[]): number {
    const delay = Math.min(Math.max(Math.trunc(milliseconds) || 0, 0), LONGEST);
    const id = set(delay, repeat);
    this.#callbacks.set(id, { call: () => callback(...args), repeat });
    return id;
  }
}
