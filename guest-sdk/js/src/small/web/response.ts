/** `Response` (Fetch Standard, 5.5). */

import type { Awaitable } from "../../awaitable.ts";
import type { Event } from "../../event.ts";
import { OUTCOME, Response as Answer, uri } from "../../outcome.ts";
import type { Outcome } from "../../outcome.ts";
import { streamed } from "../../streamed.ts";
import { Body } from "./body.ts";
import type { BodyInit } from "./body.ts";
import { Headers } from "./headers.ts";
import { ReadableStream } from "./streams.ts";
import { URL } from "./url.ts";

export interface ResponseInit {
  status?: number;
  statusText?: string;
  headers?: ConstructorParameters<typeof Headers>[0];
}

export class Response extends Body {
  readonly status: number;
  readonly statusText: string;
  readonly type = "default";
  readonly url = "";
  readonly redirected = false;

  constructor(body: BodyInit = null, { status = 200, statusText = "", headers = [] }: ResponseInit = {}) {
    super(body, headers);
    if (!(status >= 200 && status <= 599)) throw new RangeError(`${status} is not the status of a response`);
    if (this.source !== null && [204, 205, 304].includes(status)) throw new TypeError(`${status} has no body`);
    [this.status, this.statusText] = [status, statusText];
  }

  static json(value: unknown, init: ResponseInit = {}): Response {
    const headers = new Headers(init.headers);
    if (!headers.has("content-type")) headers.set("content-type", "application/json");
    return new Response(JSON.stringify(value), { ...init, headers });
  }

  static redirect(url: string | URL, status = 302): Response {
    if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError(`${status} is not a redirect`);
    return new Response(null, { status, headers: { location: uri(String(url)) } });
  }

  get ok(): boolean {
    return this.status < 300;
  }

  clone(): Response {
    return new Response(this.copy, this);
  }

  /** @internal What a handler has answered. A body that is not a stream is there at once. */
  [OUTCOME](event: Event): Awaitable<Outcome> {
    const { status, headers, source } = this;
    if (source instanceof ReadableStream) return streamed(event, this, source);
    return new Answer(source, { status, headers });
  }
}
