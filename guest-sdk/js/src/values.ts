/** Text that a client has sent by names: the query, a form, cookies. */

import { HttpError } from "./outcome.ts";

/** The first value of each name. A client may send anything: `int`, `number` and `text` answer for
 * what is missing, or is of another type, with an `HttpError` of 400 that names it. */
export class Values extends Map<string, string> {
  #what: string;
  #pairs: readonly (readonly [string, string])[];

  /** @internal What they are, such as `query parameter`. */
  constructor(what: string, pairs: readonly (readonly [string, string])[]) {
    super();
    this.#what = what;
    this.#pairs = pairs;
    for (const [name, value] of pairs) {
      if (!this.has(name)) this.set(name, value);
    }
  }

  /** All values of a name, in order. */
  getAll(name: string): string[] {
    return this.#pairs.filter(([known]) => known === name).map(([, value]) => value);
  }

  /** A value as it is. */
  text(name: string, fallback?: string): string {
    return this.get(name) ?? fallback ?? this.#missing(name);
  }

  /** A value as an integer. */
  int(name: string, fallback?: number): number {
    const value = this.get(name);
    return value === undefined ? (fallback ?? this.#missing(name)) : integer(this.#what, name, value);
  }

  /** A value as a number. */
  number(name: string, fallback?: number): number {
    const value = this.get(name);
    return value === undefined ? (fallback ?? this.#missing(name)) : decimal(this.#what, name, value);
  }

  #missing(name: string): never {
    throw new HttpError(400, `${this.#what} \`${name}\` is missing`);
  }
}

/** The longest text that is read as a number. */
const LONGEST = 64;

/** Text that a client has sent, as an integer that JavaScript counts exactly. */
export function integer(what: string, name: string, text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw wrong(what, name, text, "not an integer");
  const value = text.length <= LONGEST ? Number(text) : NaN;
  if (!Number.isSafeInteger(value)) throw wrong(what, name, text, "out of range");
  return value;
}

function decimal(what: string, name: string, text: string): number {
  // Linear, for a text may have 128 KiB: no two repetitions take the same digits.
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text)) throw wrong(what, name, text, "not a number");
  const value = text.length <= LONGEST ? Number(text) : NaN;
  if (!Number.isFinite(value)) throw wrong(what, name, text, "out of range");
  return value;
}

function wrong(what: string, name: string, text: string, why: string): HttpError {
  return new HttpError(400, `${what} \`${name}\` is \`${text}\`: ${why}`);
}

/** The most fields of a query or a form. Reading one costs microseconds, and a body may be a
 * megabyte. */
const MOST_FIELDS = 1000;

/** The pairs of a query or a form (`application/x-www-form-urlencoded`). */
export function formPairs(text: string): [string, string][] {
  const fields = text.split("&", MOST_FIELDS + 1);
  if (fields.length > MOST_FIELDS) throw new HttpError(400, `there are more than ${MOST_FIELDS} fields`);
  return fields
    .filter((pair) => pair)
    .map((pair) => {
      const end = pair.indexOf("=");
      const [name, value] = end < 0 ? [pair, ""] : [pair.slice(0, end), pair.slice(end + 1)];
      return [percentDecoded(name.replaceAll("+", " ")), percentDecoded(value.replaceAll("+", " "))];
    });
}

/** `%41` becomes `A`. What is not an escape stays as it is, and what is not UTF-8 becomes `U+FFFD`. */
export function percentDecoded(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return leniently(text);
  }
}

function leniently(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let size = 0;
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes[at]!;
    const escaped = byte === 0x25 ? digit(bytes[at + 1]) * 16 + digit(bytes[at + 2]) : NaN;
    if (escaped >= 0) {
      byte = escaped;
      at += 2;
    }
    bytes[size++] = byte;
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, size));
}

/** Characters that are not plain become `%41`. */
export function percentEncoded(text: string, plain: RegExp): string {
  return Array.from(text, (character) => {
    if (plain.test(character)) return character;
    const bytes = new TextEncoder().encode(character);
    return Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  }).join("");
}

/** The value of a hexadecimal digit, or `NaN`. */
function digit(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : NaN;
}
