/** A response of the web whose body is a stream. */

import type { Awaitable } from "./awaitable.ts";
import { caught } from "./awaitable.ts";
import type { Event } from "./event.ts";
import { HttpError, whole } from "./outcome.ts";
import type { Outcome, WebResponse } from "./outcome.ts";
import { stream } from "./stream.ts";

/** Sends the body piece by piece. A component without sockets can answer the whole body only. */
export function streamed(event: Event, web: WebResponse, body: Parameters<typeof stream>[1]): Awaitable<Outcome> {
  const { status, headers } = web;
  return caught<Outcome>(
    () => stream(event, body, { status, headers }),
    (reason) => {
      if (!(reason instanceof HttpError && reason.status === 501)) throw reason;
      return whole(web);
    },
  );
}
