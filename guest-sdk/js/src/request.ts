/** The request as one of the web, for code that wants that. */

import type { Event } from "./event.ts";

/** The web's `Request` of an event, for example for a library that answers such requests. */
export function toRequest(event: Event): Request {
  const { method, url } = event;
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(url, { method, headers: event.handle.headers(), ...(hasBody && { body: event.body }) });
}
