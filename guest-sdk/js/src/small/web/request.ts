/** `Request` (Fetch Standard, 5.4), as far as it is about a request that has come. */

import { PARSED, parsed, tooLarge } from "../../json.ts";
import { HttpError } from "../../outcome.ts";
import { AbortSignal } from "./abort.ts";
import { Body } from "./body.ts";
import type { BodyInit } from "./body.ts";
import { Headers } from "./headers.ts";
import { URL } from "./url.ts";

export interface RequestInit {
  method?: string;
  headers?: ConstructorParameters<typeof Headers>[0];
  body?: BodyInit;
  signal?: AbortSignal;
}

const NAMES = /^(delete|get|head|options|post|put)$/i;

export class Request extends Body {
  readonly url: string;
  readonly method: string;
  readonly signal: AbortSignal;

  constructor(input: string | URL | Request, init: RequestInit = {}) {
    const from = input instanceof Request ? input : undefined;
    super(init.body === undefined ? from?.copy : init.body, init.headers ?? from?.headers ?? []);
    const method = init.method ?? from?.method ?? "GET";
    this.method = NAMES.test(method) ? method.toUpperCase() : method;
    if (/^(GET|HEAD)$/.test(this.method) && this.source !== null) throw new TypeError(`${this.method} has no body`);
    this.url = from?.url ?? new URL(input as string | URL).href;
    this.signal = init.signal ?? from?.signal ?? new AbortSignal();
  }

  /** @internal Throws an `HttpError` of 413 if the body is larger than `event.json()` reads. */
  override async json(): Promise<any> {
    const bytes = await this.bytes();
    if (bytes.length > PARSED) throw new HttpError(413, tooLarge("body", PARSED, "event.json({ limit })"));
    return parsed(new TextDecoder().decode(bytes));
  }

  clone(): Request {
    return new Request(this);
  }
}
