/** JSON that a client has sent. */

/** The bytes of JSON or of a form that are read without another limit. What they say may take many
 * times as much memory, and a shared instance's is that of all its clients. */
export const PARSED = 128 * 1024;

/** What bounds the reading of JSON or of a form. */
export interface ParseOptions {
  /** The most bytes that are read. Without this, they are 128 KiB. */
  limit?: number;
}

export function tooLarge(what: string, limit: number, how: string): string {
  return `the ${what} is larger than ${limit} bytes: \`${how}\` reads it with a higher limit`;
}

/** `JSON.parse` for finite numbers: it reads `1e999` as `Infinity`, which no JSON can say again. */
export function parsed(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (MAY_OVERFLOW.test(text) && hasInfinity(value)) throw new SyntaxError("a number is not finite");
  return value;
}

/** An exponent, or as many digits as the largest number has. */
const MAY_OVERFLOW = /\d[eE]|(?:^|\D)\d{309}/;

function hasInfinity(value: unknown): boolean {
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next === "number" && !Number.isFinite(next)) return true;
    if (typeof next === "object" && next !== null) for (const part of Object.values(next)) left.push(part);
  }
  return false;
}
