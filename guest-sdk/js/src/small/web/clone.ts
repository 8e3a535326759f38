/** `structuredClone` (HTML Standard, 2.7), for what the language itself has. */

export function structuredClone<T>(value: T): T {
  return copied(value, new Map()) as T;
}

function copied(value: unknown, known: Map<object, object>): unknown {
  if (typeof value === "function" || typeof value === "symbol") throw refused(value);
  if (typeof value !== "object" || value === null) return value;
  const before = known.get(value);
  if (before) return before;
  const copy = begun(value, known);
  known.set(value, copy);
  const inner = (part: unknown) => copied(part, known);
  if (value instanceof Map) for (const [key, part] of value) (copy as Map<unknown, unknown>).set(inner(key), inner(part));
  else if (value instanceof Set) for (const part of value) (copy as Set<unknown>).add(inner(part));
  else if (value instanceof Error) copyKeys(value, copy, ["message", "stack", "cause"], inner);
  else if (Array.isArray(value) || isPlain(value)) copyKeys(value, copy, Object.keys(value), inner);
  return copy;
}

/** A copy without what it refers to. */
function begun(value: object, known: Map<object, object>): object {
  if (Array.isArray(value)) return new Array(value.length);
  if (value instanceof Date) return new Date(value);
  if (value instanceof RegExp) return new RegExp(value.source, value.flags);
  if (value instanceof Map) return new Map();
  if (value instanceof Set) return new Set();
  if (value instanceof ArrayBuffer) return value.slice(0);
  if (ArrayBuffer.isView(value)) {
    const buffer = copied(value.buffer, known) as ArrayBuffer;
    const View = value.constructor as new (buffer: ArrayBuffer, start: number, length: number) => object;
    return new View(buffer, value.byteOffset, "length" in value ? (value.length as number) : value.byteLength);
  }
  if (value instanceof Error) return standard(value);
  if (value instanceof Boolean || value instanceof Number || value instanceof String || value instanceof BigInt) {
    return Object(value.valueOf());
  }
  if (value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef || value instanceof Promise) throw refused(value);
  return {};
}

/** An error of the language, for one of an author's class, too. */
function standard(error: Error): Error {
  const kinds = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];
  const Kind = kinds.find((kind) => error instanceof kind) ?? Error;
  return new Kind();
}

function isPlain(value: object): boolean {
  return Object.prototype.toString.call(value) === "[object Object]";
}

function copyKeys(from: object, to: object, keys: string[], inner: (part: unknown) => unknown): void {
  for (const key of keys) {
    if (!(key in from)) continue;
    const value = inner((from as Record<string, unknown>)[key]);
    const enumerable = !(from instanceof Error);
    Object.defineProperty(to, key, { value, writable: true, enumerable, configurable: true });
  }
}

function refused(value: unknown): DOMException {
  return new DOMException(`${String(value)} cannot be cloned`, "DataCloneError");
}
