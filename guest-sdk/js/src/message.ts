/** A message of a peer. */

import type { Message as Said } from "lithe:plugin/socket@0.1.0";

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

  /** The message as JSON. Throws a `SyntaxError` if it is not JSON. */
  json<T = unknown>(): T {
    return JSON.parse(this.text());
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
