/** Middleware that helps to follow a request. */

import type { AppMiddleware } from "../define.ts";
import { setHeader } from "../headers.ts";
import { withHeaders } from "./outcome.ts";

/** Takes over the `x-request-id` of a proxy in front, if it is well-formed, and otherwise the host's
 * own id. What runs after it finds the id in the local `request-id`. The client finds it in the
 * answer's `x-request-id`. */
export function requestId(): AppMiddleware {
  return (event, next) => {
    const given = event.header("x-request-id") ?? "";
    const id = isWellFormed(given) ? given : event.id;
    event.setLocal("request-id", id);
    return withHeaders(next, (headers) => setHeader(headers, "x-request-id", id));
  };
}

/** Writes into `server-timing` how long everything after it took. A browser's developer tools show
 * that. */
export function timing(): AppMiddleware {
  return (_, next) => {
    const start = performance.now();
    return withHeaders(next, (headers) => {
      headers.push(["server-timing", `total;dur=${(performance.now() - start).toFixed(3)}`]);
    });
  };
}

/** Fit for a header and a log line. */
function isWellFormed(id: string): boolean {
  return id.length <= 128 && /^[!-~]+$/.test(id);
}
