/** `TextEncoder` and `TextDecoder`, for UTF-8 (WHATWG Encoding Standard). */

export class TextEncoder {
  readonly encoding = "utf-8";

  /** By functions of the engine, which are many times as fast as a loop. */
  encode(text = ""): Uint8Array {
    const bytes = unescape(encodeURIComponent(text.toWellFormed()));
    return Uint8Array.fromBase64(btoa(bytes));
  }
}

export class TextDecoder {
  readonly encoding = "utf-8";
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;

  constructor(label = "utf-8", options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    if (!["utf-8", "utf8", "unicode-1-1-utf-8"].includes(label.trim().toLowerCase())) {
      throw new RangeError(`the small engine knows no encoding \`${label}\`, only utf-8`);
    }
    this.fatal = options.fatal ?? false;
    this.ignoreBOM = options.ignoreBOM ?? false;
  }

  decode(input: ArrayBufferView | ArrayBuffer = new Uint8Array()): string {
    const bytes = ArrayBuffer.isView(input)
      ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
      : new Uint8Array(input);
    const text = native(bytes) ?? this.#slowly(bytes);
    return !this.ignoreBOM && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }

  #slowly(bytes: Uint8Array): string {
    let text = "";
    let units: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const [point, size] = decoded(bytes, at);
      if (point === undefined && this.fatal) throw new TypeError("the bytes are not UTF-8");
      const shown = point ?? 0xfffd;
      if (shown > 0xffff) units.push(0xd7c0 + (shown >> 10), 0xdc00 + (shown & 0x3ff));
      else units.push(shown);
      at += size;
      if (units.length > 4000) {
        text += String.fromCharCode(...units);
        units = [];
      }
    }
    return text + String.fromCharCode(...units);
  }
}

/** The text by functions of the engine, which are many times as fast as a loop. Nothing if the bytes are
 * not UTF-8. */
function native(bytes: Uint8Array): string | undefined {
  let text = "";
  for (let start = 0; start < bytes.length; start += 4096) {
    text += String.fromCharCode(...bytes.subarray(start, start + 4096));
  }
  if (!/[\x80-\xff]/.test(text)) return text;
  try {
    return decodeURIComponent(escape(text));
  } catch {
    return undefined;
  }
}

/** The character at a place, and its length in bytes. For bytes that are not a character, the
 * length is that of the longest part of one. */
function decoded(bytes: Uint8Array, at: number): [number | undefined, number] {
  const first = bytes[at]!;
  if (first < 0x80) return [first, 1];
  const [size, low, high] =
    first >= 0xc2 && first <= 0xdf ? [2, 0x80, 0xbf]
    : first >= 0xe0 && first <= 0xef ? [3, first === 0xe0 ? 0xa0 : 0x80, first === 0xed ? 0x9f : 0xbf]
    : first >= 0xf0 && first <= 0xf4 ? [4, first === 0xf0 ? 0x90 : 0x80, first === 0xf4 ? 0x8f : 0xbf]
    : [0, 0, 0];
  if (size === 0) return [undefined, 1];
  let point = first & (0x7f >> size);
  for (let next = 1; next < size; next++) {
    const byte = bytes[at + next];
    const isRight = byte !== undefined && byte >= (next === 1 ? low : 0x80) && byte <= (next === 1 ? high : 0xbf);
    if (!isRight) return [undefined, next];
    point = (point << 6) | (byte & 0x3f);
  }
  return [point, size];
}

Object.assign(globalThis, { TextEncoder, TextDecoder });
