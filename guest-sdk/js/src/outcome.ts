/** What comes of an event, and how it becomes the contract's. */

import type { Fields, HttpError as Failure, Response as Answered } from "lithe:plugin/http@0.1.0";
import type { Outcome as Contract } from "lithe:plugin/outcome@0.1.0";

import type { Awaitable } from "./awaitable.ts";
import { cookie } from "./cookie.ts";
import type { CookieOptions } from "./cookie.ts";
import type { Event } from "./event.ts";
import { fields, getHeader, setHeader } from "./headers.ts";
import type { HeadersLike } from "./headers.ts";
import { described } from "./stack.ts";
import { percentEncoded } from "./values.ts";

/** What a handler may answer: a response of this SDK or of the web, or a value that becomes one:
 * a string is text, bytes are bytes, and anything else is JSON. Nothing (`undefined` or `null`) is a
 * mistake, such as a forgotten `return`: it is answered with 500, and the log says so. */
export type Answer = unknown;

/** What a middleware gets of what it runs around. Middleware may change its headers. */
export type Outcome = Response | Upgrade | Stream;

/** The method by which an answer that this SDK does not know becomes an outcome. */
export const OUTCOME: unique symbol = Symbol.for("lithe.outcome") as never;

/** What an outcome has: headers that may be changed until the host has it. */
class Head {
  readonly headers: Fields;

  constructor(headers: Fields) {
    this.headers = headers;
  }

  /** The first header of that name, in any case. */
  header(name: string): string | undefined {
    return getHeader(this.headers, name);
  }

  /** Puts a header in place of all others of that name. */
  setHeader(name: string, value: string): this {
    setHeader(this.headers, name, value);
    return this;
  }

  /** Sets a cookie. */
  setCookie(name: string, value: string, options?: CookieOptions): this {
    this.headers.push(["set-cookie", cookie(name, value, options)]);
    return this;
  }
}

/** An answer, with a status from 200 to 599. */
export class Response extends Head {
  readonly status: number;
  readonly body: string | Uint8Array;

  constructor(
    body: string | Uint8Array | null = "",
    init: { status?: number; headers?: HeadersLike } = {},
  ) {
    super(fields(init.headers));
    this.status = init.status ?? 200;
    this.body = body ?? "";
    const isText = typeof body === "string" && body !== "";
    if (isText && !this.header("content-type")) this.headers.push(["content-type", "text/plain; charset=utf-8"]);
  }

  /** A value as JSON. */
  static json(value: unknown, init: { status?: number; headers?: HeadersLike } = {}): Response {
    const headers: Fields = [["content-type", "application/json"], ...fields(init.headers)];
    return new Response(JSON.stringify(value), { ...init, headers });
  }

  /** Sends the client elsewhere. What cannot stand in a URI, such as a space or a line's end, is
   * percent-encoded. A `%` stays as it is. It throws for a status that is no redirect's. */
  static redirect(location: string, status = 302): Response {
    if (!REDIRECTS.includes(status)) {
      throw new RangeError(`${status} is not the status of a redirect: use 301, 302, 303, 307 or 308`);
    }
    return new Response(null, { status, headers: { location: uri(location) } });
  }
}

/** The statuses of redirects (RFC 9110, 15.4). */
const REDIRECTS = [301, 302, 303, 307, 308];

/** A text as it may stand in a URI. A `\` may not: browsers take it for a `/`. */
export function uri(text: string): string {
  return percentEncoded(text, /[!#-;=?-[\]-~]/);
}

/** An accepted upgrade. Middleware may add headers to it. */
export class Upgrade extends Head {
  constructor(readonly socket: number, headers: Fields) {
    super(headers);
  }

  /** What the client sees. */
  get status(): number {
    return 101;
  }
}

/** A response whose body is sent piece by piece, through a socket that only sends. */
export class Stream extends Head {
  constructor(readonly socket: number, readonly status: number, headers: Fields) {
    super(headers);
  }
}

/** A failure that has an HTTP answer, with a status from 400 to 599. A handler throws it. */
export class HttpError extends Error {
  readonly headers: Fields;

  constructor(readonly status: number, message = "", headers?: HeadersLike) {
    super(message);
    this.name = "HttpError";
    this.headers = fields(headers);
  }

  /** Makes an `HttpError` of the contract's error that an import has thrown. Anything else stays as
   * it is. */
  static from(error: unknown): unknown {
    if (error instanceof HttpError) return error;
    const failure = payload(error) as Partial<Failure> | undefined;
    if (typeof failure?.status !== "number") return error;
    return new HttpError(failure.status, failure.message, failure.headers);
  }
}

/** What the client gets of anything that was thrown. What is not an `HttpError` goes to the log, and
 * is a 500 that says nothing. */
export function refusal(thrown: unknown): HttpError {
  const error = HttpError.from(thrown);
  if (error instanceof HttpError) return error;
  console.error(described(error));
  return new HttpError(500, "Internal Server Error");
}

/** The contract's error that an engine has put into an exception. */
export function payload(error: unknown): unknown {
  return typeof error === "object" && error !== null && "payload" in error ? error.payload : undefined;
}

/** An exception of which both engines make the contract's error. */
export function thrown({ status, headers, message }: HttpError): unknown {
  const failure: Failure = { status, headers, message };
  return { ...failure, payload: failure };
}

/** A response of the web. */
export interface WebResponse {
  readonly status: number;
  readonly headers: Iterable<readonly [string, string]>;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** The same response with its whole body. */
export function whole(web: WebResponse): Promise<Response> {
  const { status, headers } = web;
  return web.arrayBuffer().then((bytes) => new Response(new Uint8Array(bytes), { status, headers }));
}

function isWebResponse(answer: object): answer is WebResponse {
  return "arrayBuffer" in answer && "status" in answer && "headers" in answer;
}

/** What a handler has answered, as an outcome. The body of a response of the web comes later, so it
 * is a promise. */
export function toOutcome(answer: Answer, event: Event): Awaitable<Outcome> {
  if (answer instanceof Head) return answer as Outcome;
  if (answer === undefined || answer === null) {
    throw new TypeError(
      `a handler or a middleware of \`${event.method} ${event.route}\` has returned nothing: return a response, ` +
        "such as one with the status 204",
    );
  }
  if (typeof answer === "string") return new Response(answer);
  if (answer instanceof Uint8Array) {
    return new Response(answer, { headers: { "content-type": "application/octet-stream" } });
  }
  if (typeof answer === "object") {
    if (OUTCOME in answer) return (answer[OUTCOME] as (event: Event) => Awaitable<Outcome>)(event);
    if (isWebResponse(answer)) return whole(answer);
  }
  return Response.json(answer);
}

/** An outcome in the contract's form. */
export function toContract(outcome: Outcome): Contract {
  const { headers } = outcome;
  if (outcome instanceof Upgrade) return { tag: "upgrade", val: { socket: outcome.socket, headers } };
  const { status } = outcome;
  if (outcome instanceof Stream) return { tag: "streamed", val: { socket: outcome.socket, status, headers } };
  return { tag: "response", val: response(outcome) };
}

/** A response in the contract's form. */
export function response({ status, headers, body }: Response): Answered {
  if (body.length === 0) return { status, headers, body: { tag: "empty" } };
  if (typeof body === "string") return { status, headers, body: { tag: "text", val: body } };
  return { status, headers, body: { tag: "bytes", val: body } };
}

/** The contract's outcome as a middleware sees it. */
export function fromContract(outcome: Contract): Outcome {
  if (outcome.tag === "upgrade") return new Upgrade(outcome.val.socket, outcome.val.headers);
  if (outcome.tag === "streamed") {
    const { socket, status, headers } = outcome.val;
    return new Stream(socket, status, headers);
  }
  const { status, headers, body } = outcome.val;
  // As it came: without a type of content that the constructor adds.
  return Object.assign(new Response(), { status, headers, body: body.tag === "empty" ? "" : body.val });
}
