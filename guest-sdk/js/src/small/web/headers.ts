/** `Headers` (Fetch Standard, 5.1). */

type Init = Headers | Iterable<readonly [string, string]> | Record<string, string>;

export class Headers {
  #pairs: [string, string][] = [];

  constructor(init: Init = []) {
    const pairs = Symbol.iterator in init ? init : Object.entries(init);
    for (const [name, value] of pairs) this.append(name, value);
  }

  append(name: string, value: string): void {
    this.#pairs.push([checked(name), normal(value)]);
  }

  set(name: string, value: string): void {
    this.delete(name);
    this.append(name, value);
  }

  delete(name: string): void {
    const lower = checked(name);
    this.#pairs = this.#pairs.filter(([known]) => known !== lower);
  }

  has(name: string): boolean {
    const lower = checked(name);
    return this.#pairs.some(([known]) => known === lower);
  }

  get(name: string): string | null {
    const values = this.#all(checked(name));
    return values.length ? values.join(", ") : null;
  }

  getSetCookie(): string[] {
    return this.#all("set-cookie");
  }

  forEach(call: (value: string, name: string, headers: Headers) => void): void {
    for (const [name, value] of this) call(value, name, this);
  }

  *entries(): Generator<[string, string], void> {
    for (const name of [...new Set(this.#pairs.map(([name]) => name))].sort()) {
      const values = this.#all(name);
      // Each cookie is a header of its own: their values have commas.
      if (name !== "set-cookie") yield [name, values.join(", ")];
      else for (const value of values) yield [name, value];
    }
  }

  *keys(): Generator<string, void> {
    for (const [name] of this) yield name;
  }

  *values(): Generator<string, void> {
    for (const [, value] of this) yield value;
  }

  [Symbol.iterator](): Generator<[string, string], void> {
    return this.entries();
  }

  #all(name: string): string[] {
    return this.#pairs.filter(([known]) => known === name).map(([, value]) => value);
  }
}

function checked(name: string): string {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw new TypeError(`\`${name}\` is not the name of a header`);
  return name.toLowerCase();
}

function normal(value: string): string {
  const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
  if (/[\0\n\r]/.test(text)) throw new TypeError("a header's value has one line");
  return text;
}
