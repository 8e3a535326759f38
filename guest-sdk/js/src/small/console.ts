/** `console`, which prints to the host's log. */

import { getStderr } from "wasi:cli/stderr@0.2.6";
import { getStdout } from "wasi:cli/stdout@0.2.6";

import { described } from "../stack.ts";
import { TextEncoder } from "./text.ts";

/** How many bytes one call of the host takes. */
const CHUNK = 4096;

function printer(open: () => OutputStream): (...values: unknown[]) => void {
  return (...values) => {
    const bytes = new TextEncoder().encode(`${values.map(shown).join(" ")}\n`);
    const stream = open();
    for (let start = 0; start < bytes.length; start += CHUNK) {
      stream.blockingWriteAndFlush(bytes.slice(start, start + CHUNK));
    }
    stream[Symbol.dispose]?.();
  };
}

function shown(value: unknown): string {
  if (value instanceof Error) return described(value);
  if (typeof value === "object" && value !== null) {
    try {
      return JSON.stringify(value);
    } catch {
      // It refers to itself, or has what JSON cannot say.
    }
  }
  return String(value);
}

const out = printer(getStdout);
const err = printer(getStderr);

Object.assign(globalThis, {
  console: { log: out, info: out, debug: out, trace: out, warn: err, error: err },
});
