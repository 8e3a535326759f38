/** What a peer has said. */

import type { Message as Said } from "lithe:plugin/socket@0.1.0";

/** What a peer has said. */
export class Message {
  /** @internal */
  readonly said: Said;

  /** @internal */
  constructor(said: Said) {
    this.said = said;
  }

  /** As it came: text or bytes. */
  get data(): string | Uint8Array {
    return this.said.val;
  }

  /** Whether it came as bytes. */
  get isBinary(): boolean {
    return this.said.tag === "binary";
  }

  /** As text; bytes as UTF-8. */
  text(): string {
    const { said } = this;
    return said.tag === "text" ? said.val : new TextDecoder().decode(said.val);
  }

  /** As JSON. Throws a `SyntaxError` where it is not JSON. */
  json<T = unknown>(): T {
    return JSON.parse(this.text());
  }

  /** As bytes; text as UTF-8. */
  uint8Array(): Uint8Array {
    const { said } = this;
    return said.tag === "binary" ? said.val : new TextEncoder().encode(said.val);
  }

  toString(): string {
    return this.text();
  }
}
