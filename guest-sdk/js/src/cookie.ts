/** Cookies (RFC 6265): read from requests, set by responses. */

import type { Fields } from "lithe:plugin/http@0.1.0";

import { percentDecoded, percentEncoded } from "./values.ts";

/** What a browser has to know of a cookie. Without any of it, the cookie lasts until the browser
 * closes, goes with requests below the path's folder only, and scripts can read it. */
export interface CookieOptions {
  /** Sends it with requests below this path. `/` is the whole site. */
  path?: string;
  /** Sends it to this domain and those below it, not only to the host that has set it. */
  domain?: string;
  /** How long the browser keeps it, in seconds. With 0, the browser forgets it. */
  maxAge?: number;
  /** Whether it goes with requests that other sites cause: never, for links that a user follows, or
   * always. */
  sameSite?: "Strict" | "Lax" | "None";
  /** Sends it over HTTPS only. */
  secure?: boolean;
  /** Hides it from scripts. */
  httpOnly?: boolean;
}

/** The value of a `set-cookie` header. The cookie's value may be any text: what a cookie cannot hold
 * is percent-encoded, and `event.cookies` decodes it. A name is a token (RFC 9110, 5.6.2), and is not
 * decoded: other characters in it stay percent-encoded. */
export function cookie(name: string, value: string, options: CookieOptions = {}): string {
  const { path, domain, maxAge, sameSite, secure, httpOnly } = options;
  const parts = [`${percentEncoded(name, TOKEN)}=${percentEncoded(value, OCTETS)}`];
  if (path !== undefined) parts.push(`Path=${percentEncoded(path, ATTRIBUTE)}`);
  if (domain !== undefined) parts.push(`Domain=${percentEncoded(domain, ATTRIBUTE)}`);
  if (maxAge !== undefined) parts.push(`Max-Age=${Math.max(Math.trunc(maxAge), 0)}`);
  if (sameSite) parts.push(`SameSite=${percentEncoded(sameSite, TOKEN)}`);
  if (secure) parts.push("Secure");
  if (httpOnly) parts.push("HttpOnly");
  return parts.join("; ");
}

/** What may stand in a cookie's name, in its value (RFC 6265, 4.1.1) and in an attribute. */
const TOKEN = /[\w!#$%&'*+.^`|~-]/;
const OCTETS = /[!#$&-+\--:<-[\]-~]/;
const ATTRIBUTE = /[ -:<-~]/;

/** The pairs of a request's `cookie` headers, in order. What is not a pair is skipped. Names stay as they
 * were sent: a browser guards `__Host-a`, and would take `__%48ost-a` from anybody. */
export function cookiePairs(headers: Fields): [string, string][] {
  const pairs: [string, string][] = [];
  for (const [header, text] of headers) {
    if (header !== "cookie") continue;
    for (const pair of text.split(";")) {
      const end = pair.indexOf("=");
      const name = pair.slice(0, Math.max(end, 0)).trim();
      const value = pair.slice(end + 1).trim();
      if (name) pairs.push([name, percentDecoded(/^"(.*)"$/.exec(value)?.[1] ?? value)]);
    }
  }
  return pairs;
}
