/** `setTimeout` and the like, by the host's timers. Each is a call of its own when it is due. */

import { cancel, set } from "lithe:plugin/timers@0.1.0";

type Callback = (...args: unknown[]) => void;

/** The longest that the host counts, in milliseconds. */
const LONGEST = 0xffff_ffff;

export class Timers {
  /** Whether the engine has no timers of its own. */
  readonly isSmall = typeof setTimeout === "undefined";
  #callbacks = new Map<number, { call: () => void; repeat: boolean }>();
  #own = { setTimeout: globalThis.setTimeout, setInterval: globalThis.setInterval };
  #ours = {
    setTimeout: (callback: Callback, ms?: number, ...args: unknown[]) => this.#set(callback, ms, false, args),
    setInterval: (callback: Callback, ms?: number, ...args: unknown[]) => this.#set(callback, ms, true, args),
  };

  constructor() {
    const clear = globalThis.clearTimeout;
    const forget = (id?: number) => {
      if (id !== undefined && this.#callbacks.delete(id)) cancel(id);
      else if (!this.isSmall) clear(id);
    };
    Object.assign(globalThis, this.#ours, { clearTimeout: forget, clearInterval: forget });
  }

  /** A handler begins. The full engine can wait for its own timers only. */
  begin(): void {
    if (!this.isSmall) Object.assign(globalThis, this.#own);
  }

  /** A handler is over. */
  end(): void {
    if (!this.isSmall) Object.assign(globalThis, this.#ours);
  }

  /** The host calls this when a timer is due. */
  fire(id: number): void {
    const found = this.#callbacks.get(id);
    if (!found) return;
    if (!found.repeat) this.#callbacks.delete(id);
    found.call();
  }

  #set(callback: Callback, milliseconds = 0, repeat: boolean, args: unknown[]): number {
    const delay = Math.min(Math.max(Math.trunc(milliseconds) || 0, 0), LONGEST);
    const id = set(delay, repeat);
    this.#callbacks.set(id, { call: () => callback(...args), repeat });
    return id;
  }
}
