/** `Event`, `CustomEvent` and `EventTarget` (DOM Standard, 2), for one object without parents. */

export class Event {
  readonly type: string;
  readonly cancelable: boolean;
  readonly timeStamp = performance.now();
  target: EventTarget | null = null;
  #isPrevented = false;
  /** @internal */
  isStopped = false;

  constructor(type: string, { cancelable = false }: { cancelable?: boolean } = {}) {
    this.type = type;
    this.cancelable = cancelable;
  }

  get currentTarget(): EventTarget | null {
    return this.target;
  }

  get defaultPrevented(): boolean {
    return this.#isPrevented;
  }

  preventDefault(): void {
    this.#isPrevented ||= this.cancelable;
  }

  stopPropagation(): void {}

  stopImmediatePropagation(): void {
    this.isStopped = true;
  }
}

export class CustomEvent<T = any> extends Event {
  readonly detail: T;

  constructor(type: string, init: { cancelable?: boolean; detail?: T } = {}) {
    super(type, init);
    this.detail = (init.detail ?? null) as T;
  }
}

export type Listener = ((event: any) => void) | { handleEvent(event: any): void };

interface ListenerOptions {
  once?: boolean;
  signal?: EventTarget & { aborted: boolean };
}

export class EventTarget {
  #listeners: { type: string; listener: Listener; once: boolean }[] = [];

  addEventListener(type: string, listener: Listener | null, options: ListenerOptions | boolean = {}): void {
    const { once = false, signal } = typeof options === "object" ? options : {};
    const isKnown = this.#listeners.some((known) => known.type === type && known.listener === listener);
    if (!listener || isKnown || signal?.aborted) return;
    this.#listeners.push({ type, listener, once });
    signal?.addEventListener("abort", () => this.removeEventListener(type, listener));
  }

  removeEventListener(type: string, listener: Listener | null): void {
    this.#listeners = this.#listeners.filter((known) => known.type !== type || known.listener !== listener);
  }

  dispatchEvent(event: Event): boolean {
    event.target = this;
    for (const known of this.#listeners.filter(({ type }) => type === event.type)) {
      if (event.isStopped) break;
      if (!this.#listeners.includes(known)) continue;
      const { listener, once } = known;
      if (once) this.removeEventListener(event.type, listener);
      try {
        if (typeof listener === "function") listener.call(this, event);
        else listener.handleEvent(event);
      } catch (error) {
        console.error(error);
      }
    }
    return !event.defaultPrevented;
  }
}
