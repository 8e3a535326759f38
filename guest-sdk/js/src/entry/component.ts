/** What the entry points of all kinds have. */

import type { Awaitable } from "../awaitable.ts";
import { caught, then } from "../awaitable.ts";
import type { App, Health, State } from "../define.ts";
import { loading } from "../engine.ts";
import type { Engine } from "../engine.ts";
import { described } from "../stack.ts";

/** The module is loaded, and its component made. */
export function checked<K extends App["kind"]>(app: App, _: K): Extract<App, { kind: K }> {
  loading.now = false;
  return app as Extract<App, { kind: K }>;
}

/** The export `health`. */
export function healthOf(engine: Engine, { health }: Health) {
  return { check: () => told(() => engine.settle(health?.())) };
}

/** The export `state`. */
export function stateOf(engine: Engine, state: State | undefined) {
  return {
    save: () =>
      told(() => engine.settle(then(state?.save() as Awaitable<unknown>, (saved) => toBytes(engine, state, saved)))),
    restore: (bytes: Uint8Array) =>
      told(() =>
        engine.settle(state?.format === "bytes" ? state.restore(bytes) : state?.restore(fromJson(bytes)))),
  };
}

function toBytes(engine: Engine, state: State | undefined, saved: unknown): Uint8Array {
  if (state?.format === "bytes") {
    if (saved instanceof Uint8Array) return saved;
    throw new TypeError("`save` of a state with `format: \"bytes\"` returns a `Uint8Array`");
  }
  const text = ArrayBuffer.isView(saved) ? undefined : JSON.stringify(saved);
  if (text === undefined) throw new TypeError("what `save` returns has no JSON form: `format: \"bytes\"` takes bytes");
  try {
    engine.boundLevels(text);
  } catch (error) {
    // The memory would be lost with this instance.
    throw new TypeError(`\`restore\` could not read what \`save\` returns: ${(error as Error).message}`);
  }
  return new TextEncoder().encode(text);
}

function fromJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new TypeError(`what the other version has saved is not JSON: ${(error as Error).message}`);
  }
}

/** The contract's error, which is text, for anything that a call throws. The log has its stack. */
function told<T>(call: () => Awaitable<T>): Awaitable<T> {
  return caught(call, (reason) => {
    console.error(described(reason));
    throw reason instanceof Error ? reason.message || reason.name : String(reason);
  });
}
