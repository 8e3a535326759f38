/** A message of a peer. */

import type { Message as Said } from "lithe:plugin/socket@0.1.0";

import { PARSED, parsed, tooLarge } from "./json.ts";
import type { ParseOptions } from "./json.ts";

/** A message of a peer. */
export class Message {
  /** @internal */
  readonly said: Said;

  /** @internal */
  constructor(said: Said) {
    this.said = said;
  }

  /** The message as it came: text or bytes. */
  get data(): string | Uint8Array {
    return this.said.val;
  }

  /** Whether it came as bytes. */
  get isBinary(): boolean {
    return this.said.tag === "binary";
  }

  /** The message as text. Bytes are read as UTF-8. */
  text(): string {
    const { said } = this;
    return said.tag === "text" ? said.val : new TextDecoder().decode(said.val);
  }

  /** The message as JSON. Throws a `SyntaxError` if it is not JSON, and a `RangeError` if it is larger
   * than the limit. */
  json<T = unknown>({ limit = PARSED }: ParseOptions = {}): T {
    if (this.#isLarger(limit)) throw new RangeError(tooLarge("message", limit, "json({ limit })"));
    return parsed(this.text()) as T;
  }

  #isLarger(limit: number): boolean {
    const { length } = this.said.val;
    // A character of a text has three bytes at most for each unit of its length.
    return length > limit || (!this.isBinary && length * 3 > limit && this.uint8Array().length > limit);
  }

  /** The message as bytes. Text is written as UTF-8. */
  uint8Array(): Uint8Array {
    const { said } = this;
    return said.tag === "binary" ? said.val : new TextEncoder().encode(said.val);
  }

  toString(): string {
    return this.text();
  }
}
