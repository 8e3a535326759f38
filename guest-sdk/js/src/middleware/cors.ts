/** Which other sites' scripts may make requests (Fetch Standard, 3.2). */

import type { Fields } from "lithe:plugin/http@0.1.0";

import type { AppMiddleware } from "../define.ts";
import type { Event } from "../event.ts";
import { setHeader } from "../headers.ts";
import { Response } from "../outcome.ts";
import { valueOf } from "./lazy.ts";
import type { Lazy } from "./lazy.ts";
import { withHeaders } from "./outcome.ts";

export interface CorsOptions {
  /** These sites, such as `https://example.com`. Without this: any site, without cookies or other
   * credentials. */
  origins?: Lazy<readonly string[]>;
  /** These methods only. By default, all but `OPTIONS`. */
  methods?: readonly string[];
  /** These request headers only. By default, those that are asked for. */
  headers?: readonly string[];
  /** Lets scripts read these headers of the answers. */
  expose?: readonly string[];
  /** Lets requests carry cookies and other credentials. It has no effect without `origins`: browsers
   * refuse that, and rightly. */
  credentials?: boolean;
  /** How many seconds a browser remembers the answer to its preflight request. */
  maxAge?: number;
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/** Lets other sites' scripts make requests, and answers their preflight requests in the handler's
 * place. A preflight request reaches only a route that takes `OPTIONS`.
 *
 * It does not guard WebSockets, which browsers open to any site: `sameOrigin` does. */
export function cors(options: CorsOptions = {}): AppMiddleware {
  return (event, next) => {
    const origin = event.header("origin");
    if (origin === undefined) return next();
    const asksFirst = event.header("access-control-request-method") !== undefined;
    if (event.method === "OPTIONS" && asksFirst) return preflight(options, event, origin);
    return withHeaders(next, (headers) => mark(options, headers, origin));
  };
}

/** What `access-control-allow-origin` says to that origin. */
function allowed({ origins }: CorsOptions, origin: string): string | undefined {
  if (!origins) return "*";
  return valueOf(origins).includes(origin) ? origin : undefined;
}

/** What every answer to that origin says, allowed or not. */
function mark(options: CorsOptions, headers: Fields, origin: string): void {
  if (options.origins) headers.push(["vary", "origin"]);
  const allows = allowed(options, origin);
  if (allows === undefined) return;
  setHeader(headers, "access-control-allow-origin", allows);
  if (options.credentials && options.origins) setHeader(headers, "access-control-allow-credentials", "true");
  if (options.expose) setHeader(headers, "access-control-expose-headers", options.expose.join(", "));
}

function preflight(options: CorsOptions, event: Event, origin: string): Response {
  const { methods = METHODS, headers, maxAge } = options;
  const response = new Response(null, { status: 204 });
  mark(options, response.headers, origin);
  if (allowed(options, origin) === undefined) return response;
  response.setHeader("access-control-allow-methods", methods.join(", "));
  const names = headers?.join(", ") ?? event.header("access-control-request-headers");
  if (names !== undefined) response.setHeader("access-control-allow-headers", names);
  if (maxAge !== undefined) response.setHeader("access-control-max-age", String(Math.trunc(maxAge)));
  return response;
}
