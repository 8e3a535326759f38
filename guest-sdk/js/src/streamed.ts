/** A response of the web whose body is a stream. */

import type { Awaitable } from "./awaitable.ts";
import { caught } from "./awaitable.ts";
import type { Event } from "./event.ts";
import type { HeadersLike } from "./headers.ts";
import { HttpError, Response } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";
import { stream } from "./stream.ts";

interface Web {
  status: number;
  headers: Iterable<readonly [string, string]>;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Sends the body piece by piece. A component without sockets can answer the whole body only. */
export function streamed(event: Event, web: Web, body: Parameters<typeof stream>[1]): Awaitable<Outcome> {
  const { status } = web;
  const headers: HeadersLike = [...web.headers];
  return caught<Outcome>(
    () => stream(event, body, { status, headers }),
    async (reason) => {
      if (!(reason instanceof HttpError && reason.status === 501)) throw reason;
      return new Response(new Uint8Array(await web.arrayBuffer()), { status, headers });
    },
  );
}
