/** Which sites' pages may open a WebSocket. */

import type { AppMiddleware } from "../define.ts";
import type { Event } from "../event.ts";
import { HttpError } from "../outcome.ts";
import { valueOf } from "./lazy.ts";
import type { Lazy } from "./lazy.ts";

/** Refuses upgrades that another site's page asks for, with 403. These other sites pass, such as
 * `https://example.com`.
 *
 * A browser lets any page open a WebSocket to any host, and sends the host's cookies with it. So a
 * route that trusts cookies needs this, against cross-site WebSocket hijacking. Clients other than
 * browsers send no `origin`, and pass. */
export function sameOrigin(others: Lazy<readonly string[]> = []): AppMiddleware {
  return (event, next) => {
    const origin = event.isUpgradeRequest ? event.header("origin") : undefined;
    if (origin !== undefined && !isOwn(event, origin) && !valueOf(others).includes(origin)) {
      throw new HttpError(403, "Forbidden");
    }
    return next();
  };
}

/** Does not compare the scheme: behind a proxy that ends TLS, the host does not know it. */
function isOwn(event: Event, origin: string): boolean {
  const start = origin.indexOf("://");
  return start >= 0 && origin.slice(start + 3).toLowerCase() === event.authority.toLowerCase();
}
