/** Who makes a request. */

import type { AppMiddleware } from "../define.ts";
import type { Event } from "../event.ts";
import { HttpError } from "../outcome.ts";
import { constantTimeEqual } from "../secret.ts";
import { valueOf } from "./lazy.ts";
import type { Lazy } from "./lazy.ts";

/** Lets requests and upgrades pass that have one of these tokens (`authorization: Bearer TOKEN`, RFC
 * 6750). Others get 401. An empty token, or one that is not there, lets nobody pass. */
export function bearerAuth(tokens: Lazy<string | undefined | readonly (string | undefined)[]>): AppMiddleware {
  return (event, next) => {
    const given = valueOf(tokens);
    const known = typeof given === "object" ? given : [given];
    if (!isAny(known, bearerToken(event) ?? "")) throw unauthorized("Bearer");
    return next();
  };
}

/** Lets requests pass that have the name and the password of one of these users (`authorization:
 * Basic …`, RFC 7617), and leaves the name as the local `user`. Others get 401, for which a browser
 * asks its user for name and password, and shows the realm. A user whose password is empty or not there
 * cannot pass. */
export function basicAuth(realm: string, users: Lazy<Record<string, string | undefined>>): AppMiddleware {
  const challenge = `Basic realm="${realm.replace(/["\\]/g, "'")}", charset="UTF-8"`;
  return (event, next) => {
    const pairs = Object.entries(valueOf(users));
    const known = pairs.map(([name, password]) => (password ? `${name}:${password}` : undefined));
    const given = basicCredentials(event) ?? "";
    if (!isAny(known, given)) throw unauthorized(challenge);
    // A name has no colon; a password may (RFC 7617, 2).
    event.setLocal("user", given.slice(0, given.indexOf(":")));
    return next();
  };
}

/** The token of an `authorization: Bearer` header (RFC 6750, 2.1). */
export function bearerToken(event: Event): string | undefined {
  return credentials(event, "bearer");
}

/** Compares with all of them, so that the time does not tell which one fits. */
function isAny(secrets: readonly (string | undefined)[], given: string): boolean {
  let found = false;
  for (const secret of secrets) {
    const isSame = secret !== undefined && constantTimeEqual(secret, given);
    found = isSame || found;
  }
  return found && given !== "";
}

function basicCredentials(event: Event): string | undefined {
  const given = credentials(event, "basic");
  if (given === undefined) return undefined;
  try {
    const decoded = Uint8Array.from(atob(given), (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(decoded);
  } catch {
    return undefined;
  }
}

function credentials(event: Event, scheme: string): string | undefined {
  const header = event.header("authorization") ?? "";
  const end = header.indexOf(" ");
  return end > 0 && header.slice(0, end).toLowerCase() === scheme ? header.slice(end + 1).trim() : undefined;
}

function unauthorized(challenge: string): HttpError {
  return new HttpError(401, "Unauthorized", { "www-authenticate": challenge });
}
