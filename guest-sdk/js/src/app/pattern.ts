/** Text patterns, as far as an app reads them. The host matches paths. */

/** The one spelling of a pattern: a leading `/`, no empty segments, no trailing `/`. */
export function canonical(pattern: string): string {
  return `/${segments(pattern).join("/")}`;
}

/** The parts between each `/`, outside of regular expressions. Those that are empty are dropped. */
export function segments(pattern: string): string[] {
  const found: string[] = [];
  let start = 0;
  for (let at = 0; at <= pattern.length; at++) {
    if (pattern[at] === "(") {
      at += regexLength(pattern, at) - 1;
    } else if (at === pattern.length || pattern[at] === "/") {
      if (at > start) found.push(pattern.slice(start, at));
      start = at + 1;
    }
  }
  return found;
}

/** How long the regular expression at this place is, with its parentheses. */
export function regexLength(pattern: string, start: number): number {
  let depth = 0;
  for (let at = start; at < pattern.length; at++) {
    if (pattern[at] === "\\") at++;
    else if (pattern[at] === "(") depth++;
    else if (pattern[at] === ")" && --depth === 0) return at - start + 1;
  }
  throw new Error(`pattern \`${pattern}\` is malformed: a \`(\` has no \`)\``);
}
