/** What comes of an event, and how it becomes the contract's. */

import type { Fields, HttpError as Failure, Response as Answered } from "lithe:plugin/http@0.1.0";
import type { Outcome } from "lithe:plugin/outcome@0.1.0";

/** Headers as an object, as pairs, or as the web's `Headers`. */
export type HeadersLike = Record<string, string> | Iterable<readonly [string, string]>;

/** What a handler may answer: a response of this SDK or of the engine, or a value that becomes one:
 * a string is text, bytes are bytes, nothing is 204, and anything else is JSON. */
export type Answer = unknown;

/** Headers in the contract's form. */
export function fields(headers: HeadersLike | undefined): Fields {
  if (!headers) return [];
  const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  return pairs.map(([name, value]) => [name.toLowerCase(), String(value)]);
}

/** An answer, with a status from 200 to 599. */
export class Response {
  readonly status: number;
  readonly headers: Fields;
  readonly body: string | Uint8Array;

  constructor(
    body: string | Uint8Array | null = "",
    init: { status?: number; headers?: HeadersLike } = {},
  ) {
    this.status = init.status ?? 200;
    this.headers = fields(init.headers);
    this.body = body ?? "";
  }

  /** A value as JSON. */
  static json(value: unknown, init: { status?: number; headers?: HeadersLike } = {}): Response {
    const headers: Fields = [["content-type", "application/json"], ...fields(init.headers)];
    return new Response(JSON.stringify(value), { ...init, headers });
  }

  /** Sends the client elsewhere. */
  static redirect(location: string, status = 302): Response {
    return new Response(null, { status, headers: { location } });
  }
}

/** An accepted upgrade. Middleware may add headers to it. */
export class Upgrade {
  constructor(readonly socket: number, readonly headers: Fields) {}
}

/** A response whose body is sent piece by piece, through a socket that only sends. */
export class Stream {
  constructor(readonly socket: number, readonly status: number, readonly headers: Fields) {}
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
    const failure = payload(error) as Partial<Failure> | undefined;
    if (typeof failure?.status !== "number") return error;
    return new HttpError(failure.status, failure.message, failure.headers);
  }
}

/** The contract's error that an engine has put into an exception. */
export function payload(error: unknown): unknown {
  return typeof error === "object" && error !== null && "payload" in error ? error.payload : undefined;
}

/** An exception of which both engines make the contract's error. */
export function thrown(failure: Failure): unknown {
  return { ...failure, payload: failure };
}

/** Whether this is a response of the web, which the full engine has. */
interface WebResponse {
  status: number;
  headers: Iterable<readonly [string, string]>;
  arrayBuffer(): Promise<ArrayBuffer>;
}

function isWebResponse(answer: object): answer is WebResponse {
  return "arrayBuffer" in answer && "status" in answer && "headers" in answer;
}

/** An answer in the contract's form. For a response of the web it is a promise, because its body
 * comes later. */
export function toOutcome(answer: Answer): Outcome | Promise<Outcome> {
  if (answer instanceof Upgrade) {
    return { tag: "upgrade", val: { socket: answer.socket, headers: answer.headers } };
  }
  if (answer instanceof Stream) {
    const { socket, status, headers } = answer;
    return { tag: "streamed", val: { socket, status, headers } };
  }
  if (typeof answer === "object" && answer !== null && isWebResponse(answer)) {
    const { status, headers } = answer;
    return answer.arrayBuffer().then((bytes) => ({
      tag: "response",
      val: response(new Response(new Uint8Array(bytes), { status, headers })),
    }));
  }
  return { tag: "response", val: response(toResponse(answer)) };
}

function toResponse(answer: Answer): Response {
  if (answer instanceof Response) return answer;
  if (answer === undefined || answer === null) return new Response(null, { status: 204 });
  if (typeof answer === "string" || answer instanceof Uint8Array) return new Response(answer);
  return Response.json(answer);
}

/** A response in the contract's form. */
export function response({ status, headers, body }: Response): Answered {
  if (body.length === 0) return { status, headers, body: { tag: "empty" } };
  if (typeof body === "string") return { status, headers, body: { tag: "text", val: body } };
  return { status, headers, body: { tag: "bytes", val: body } };
}

/** The contract's outcome as a middleware sees it. */
export function fromOutcome(outcome: Outcome): Response | Upgrade | Stream {
  if (outcome.tag === "upgrade") return new Upgrade(outcome.val.socket, outcome.val.headers);
  if (outcome.tag === "streamed") {
    const { socket, status, headers } = outcome.val;
    return new Stream(socket, status, headers);
  }
  const { status, headers, body } = outcome.val;
  return new Response(body.tag === "empty" ? null : body.val, { status, headers });
}
