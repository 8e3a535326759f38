/** `AbortController` and `AbortSignal` (DOM Standard, 3). */

import { Event, EventTarget } from "./events.ts";

export class AbortSignal extends EventTarget {
  aborted = false;
  reason: any = undefined;
  onabort: ((event: Event) => void) | null = null;

  static abort(reason?: unknown): AbortSignal {
    const signal = new AbortSignal();
    signal.end(reason);
    return signal;
  }

  static timeout(milliseconds: number): AbortSignal {
    const signal = new AbortSignal();
    setTimeout(() => signal.end(new DOMException("the time is up", "TimeoutError")), milliseconds);
    return signal;
  }

  /** One that aborts as soon as one of these does. */
  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const signal = new AbortSignal();
    for (const other of signals) {
      if (other.aborted) signal.end(other.reason);
      else other.addEventListener("abort", () => signal.end(other.reason), { once: true });
    }
    return signal;
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** @internal */
  end(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason ?? new DOMException("the operation was aborted", "AbortError");
    const event = new Event("abort");
    this.onabort?.(event);
    this.dispatchEvent(event);
  }
}

export class AbortController {
  readonly signal = new AbortSignal();

  abort(reason?: unknown): void {
    this.signal.end(reason);
  }
}
