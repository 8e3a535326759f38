/** The body of a `Request` or a `Response` (Fetch Standard, 5.3). */

import { Headers } from "./headers.ts";
import { URLSearchParams } from "./params.ts";
import { ReadableStream } from "./streams.ts";

export type BodyInit = string | ArrayBuffer | ArrayBufferView | URLSearchParams | ReadableStream | null | undefined;

export class Body {
  readonly headers: Headers;
  /** What it was made of. */
  protected readonly source: string | Uint8Array | ReadableStream | null;
  #stream: ReadableStream<Uint8Array> | undefined;
  #isUsed = false;

  constructor(body: BodyInit, headers: ConstructorParameters<typeof Headers>[0]) {
    this.headers = new Headers(headers);
    let type: string | undefined;
    if (body === null || body === undefined || body instanceof ReadableStream) {
      this.source = body ?? null;
    } else if (ArrayBuffer.isView(body)) {
      this.source = new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice();
    } else if (body instanceof ArrayBuffer) {
      this.source = new Uint8Array(body.slice(0));
    } else {
      const isForm = body instanceof URLSearchParams;
      type = isForm ? "application/x-www-form-urlencoded;charset=UTF-8" : "text/plain;charset=UTF-8";
      this.source = String(body);
    }
    if (type && !this.headers.has("content-type")) this.headers.set("content-type", type);
  }

  get body(): ReadableStream<Uint8Array> | null {
    if (this.source === null || this.source instanceof ReadableStream) return this.source;
    this.#stream ??= ReadableStream.from([bytesOf(this.source)]);
    return this.#stream;
  }

  get bodyUsed(): boolean {
    return this.#isUsed || (this.#stream ?? (this.source instanceof ReadableStream ? this.source : undefined))?.locked === true;
  }

  async bytes(): Promise<Uint8Array> {
    if (this.bodyUsed) throw new TypeError("the body has been read");
    this.#isUsed = true;
    if (!(this.source instanceof ReadableStream)) return bytesOf(this.source ?? "");
    const pieces: Uint8Array[] = [];
    for await (const piece of this.source) pieces.push(bytesOf(piece));
    const all = new Uint8Array(pieces.reduce((size, { length }) => size + length, 0));
    let end = 0;
    for (const piece of pieces) {
      all.set(piece, end);
      end += piece.length;
    }
    return all;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.bytes()).slice().buffer as ArrayBuffer;
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  async json(): Promise<any> {
    return JSON.parse(await this.text());
  }

  /** @internal What a copy is made of. */
  protected get copy(): BodyInit {
    if (this.bodyUsed) throw new TypeError("the body has been read");
    if (this.source instanceof ReadableStream) throw new TypeError("the small engine cannot copy a streamed body");
    return this.source;
  }
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}
