/** `URLSearchParams` (URL Standard, 6.2). */

import { formPairs } from "../../values.ts";

type Init = string | Iterable<readonly [string, string]> | Record<string, string>;

export class URLSearchParams {
  #pairs: [string, string][] = [];
  #changed: ((query: string) => void) | undefined;

  constructor(init: Init = "") {
    if (typeof init === "string") this.#pairs = formPairs(init.replace(/^\?/, ""));
    else {
      const pairs = Symbol.iterator in init ? [...init] : Object.entries(init);
      this.#pairs = pairs.map(([name, value]) => [String(name), String(value)]);
    }
  }

  /** @internal The parameters of a URL, which changes with them. */
  static of(query: string, changed: (query: string) => void): URLSearchParams {
    const params = new URLSearchParams(query);
    params.#changed = changed;
    return params;
  }

  /** @internal The URL has another query. */
  replace(query: string): void {
    this.#pairs = formPairs(query);
  }

  get size(): number {
    return this.#pairs.length;
  }

  append(name: string, value: string): void {
    this.#pairs.push([String(name), String(value)]);
    this.#change();
  }

  delete(name: string, value?: string): void {
    this.#pairs = this.#pairs.filter(([known, had]) => known !== name || (value !== undefined && had !== value));
    this.#change();
  }

  get(name: string): string | null {
    return this.#pairs.find(([known]) => known === name)?.[1] ?? null;
  }

  getAll(name: string): string[] {
    return this.#pairs.filter(([known]) => known === name).map(([, value]) => value);
  }

  has(name: string, value?: string): boolean {
    return this.#pairs.some(([known, had]) => known === name && (value === undefined || had === value));
  }

  set(name: string, value: string): void {
    const first = this.#pairs.findIndex(([known]) => known === name);
    if (first < 0) return this.append(name, value);
    this.#pairs = this.#pairs.filter(([known], at) => known !== name || at === first);
    this.#pairs[first] = [name, String(value)];
    this.#change();
  }

  sort(): void {
    this.#pairs.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
    this.#change();
  }

  forEach(call: (value: string, name: string, params: URLSearchParams) => void): void {
    for (const [name, value] of this.#pairs) call(value, name, this);
  }

  *entries(): Generator<[string, string], void> {
    for (const [name, value] of this.#pairs) yield [name, value];
  }

  *keys(): Generator<string, void> {
    for (const [name] of this.#pairs) yield name;
  }

  *values(): Generator<string, void> {
    for (const [, value] of this.#pairs) yield value;
  }

  [Symbol.iterator](): Generator<[string, string], void> {
    return this.entries();
  }

  toString(): string {
    return this.#pairs.map((pair) => pair.map(encoded).join("=")).join("&");
  }

  #change(): void {
    this.#changed?.(this.toString());
  }
}

function encoded(text: string): string {
  const escaped = encodeURIComponent(text.toWellFormed());
  return escaped.replace(/%20|[!'()~]/g, (part) =>
    part === "%20" ? "+" : `%${part.charCodeAt(0).toString(16).toUpperCase()}`);
}
