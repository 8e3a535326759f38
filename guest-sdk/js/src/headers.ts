/** The headers of an answer: names and values, in order. */

import type { Fields } from "lithe:plugin/http@0.1.0";

/** Headers as an object, as pairs, or as the web's `Headers`. */
export type HeadersLike = Record<string, string> | Iterable<readonly [string, string]>;

/** Headers in the contract's form. */
export function fields(headers: HeadersLike | undefined): Fields {
  if (!headers) return [];
  const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  return pairs.map(([name, value]) => [name.toLowerCase(), String(value)]);
}

/** The first value of that name, in any case. */
export function getHeader(headers: Fields, name: string): string | undefined {
  const lower = name.toLowerCase();
  return headers.find(([known]) => known.toLowerCase() === lower)?.[1];
}

/** Puts a header in place of all others of that name. */
export function setHeader(headers: Fields, name: string, value: string): void {
  const lower = name.toLowerCase();
  const others = headers.filter(([known]) => known.toLowerCase() !== lower);
  headers.splice(0, headers.length, ...others, [lower, value]);
}
