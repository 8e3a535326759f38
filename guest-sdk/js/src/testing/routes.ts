/** Finds the route of a test's request as the host does. */

import { regexLength, segments } from "../app/pattern.ts";
import type { Router } from "../app/router.ts";

export type Found =
  | { pattern: string; params: [string, string][] }
  /** The path has routes, but none for the method. */
  | { allowed: string[] };

export function find(router: Router, method: string, path: string): Found | undefined {
  const folded = fold(path);
  const fitting = [...router.slots.values()].flatMap(({ pattern, methods }) => {
    const params = new RegExp(`^${segments(pattern).map(expression).join("")}$`).exec(folded);
    if (!params) return [];
    const rank = segments(pattern).map(rankOf).join("");
    const named = Object.entries(params.groups ?? {}).filter(([, value]) => value !== undefined);
    return [{ pattern, methods, rank, params: named }];
  });
  fitting.sort((one, other) => (one.rank < other.rank ? -1 : 1));
  const takes = (allowed: string | undefined) =>
    allowed === undefined || allowed === method || (method === "HEAD" && allowed === "GET");
  const found = fitting.find(({ methods }) => methods.some(takes));
  if (found) return { pattern: found.pattern, params: found.params };
  if (!fitting.length) return undefined;
  return { allowed: fitting.flatMap(({ methods }) => methods.filter((method) => method !== undefined)) };
}

/** The segments between each `/`, without those that are empty or lead nowhere. */
function fold(path: string): string {
  const found: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") found.pop();
    else if (segment && segment !== ".") found.push(segment);
  }
  return found.map((segment) => `/${segment}`).join("");
}

const ONE = "[^/]+";
const MANY = `${ONE}(?:/${ONE})*`;

/** A segment, with the `/` before it, as a regular expression. */
function expression(segment: string): string {
  const wild = /^\*\*(?::(\w+))?$/.exec(segment);
  if (wild) return wild[1] ? `/(?<${wild[1]}>${MANY})` : `(?:/${MANY})?`;
  const whole = /^:(\w+)([?+*])$/.exec(segment);
  if (whole) {
    const [, name, repeat] = whole;
    const taken = `/(?<${name}>${repeat === "?" ? ONE : MANY})`;
    return repeat === "+" ? taken : `(?:${taken})?`;
  }
  let made = "/";
  for (let at = 0; at < segment.length; ) {
    const rest = segment.slice(at);
    const name = /^:(\w+)/.exec(rest);
    if (name) {
      const after = at + name[0].length;
      const regex = segment[after] === "(" ? segment.slice(after, after + regexLength(segment, after)) : "";
      made += `(?<${name[1]}>${regex || ONE})`;
      at = after + regex.length;
      continue;
    }
    made += rest[0] === "*" ? ONE : rest[0]!.replace(/[\\^$.|?+()[\]{}]/, "\\$&");
    at++;
  }
  return made;
}

/** The more specific a segment is, the lower. */
function rankOf(segment: string): number {
  if (/^\*\*|^:\w+[+*]$/.test(segment)) return 4;
  if (!/[:*]/.test(segment)) return 0;
  if (/^:\w+\?$/.test(segment)) return 3;
  return /^(:\w+|\*)$/.test(segment) ? 2 : 1;
}
