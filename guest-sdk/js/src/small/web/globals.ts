/** The globals of the web that the small engine lacks. The build puts each in place of its name, wherever
 * an author's code has the name, and nothing where no code has it. */

import { AbortController, AbortSignal } from "./abort.ts";
import { structuredClone } from "./clone.ts";
import { crypto } from "./crypto.ts";
import { CustomEvent, Event, EventTarget } from "./events.ts";
import { Headers } from "./headers.ts";
import { URLSearchParams } from "./params.ts";
import { getRandomValues, randomUUID } from "../random.ts";
import { Request } from "./request.ts";
import { Response } from "./response.ts";
import { ReadableStream } from "./streams.ts";
import { subtle } from "./subtle.ts";
import { URL } from "./url.ts";

export {
  AbortController,
  AbortController as "globalThis.AbortController",
  AbortSignal,
  AbortSignal as "globalThis.AbortSignal",
  CustomEvent,
  CustomEvent as "globalThis.CustomEvent",
  Event,
  Event as "globalThis.Event",
  EventTarget,
  EventTarget as "globalThis.EventTarget",
  Headers,
  Headers as "globalThis.Headers",
  ReadableStream,
  ReadableStream as "globalThis.ReadableStream",
  Request,
  Request as "globalThis.Request",
  Response,
  Response as "globalThis.Response",
  URL,
  URL as "globalThis.URL",
  URLSearchParams,
  URLSearchParams as "globalThis.URLSearchParams",
  crypto,
  crypto as "globalThis.crypto",
  getRandomValues as "crypto.getRandomValues",
  getRandomValues as "globalThis.crypto.getRandomValues",
  randomUUID as "crypto.randomUUID",
  randomUUID as "globalThis.crypto.randomUUID",
  structuredClone,
  structuredClone as "globalThis.structuredClone",
  subtle as "crypto.subtle",
  subtle as "globalThis.crypto.subtle",
};
