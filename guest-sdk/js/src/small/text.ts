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
    const text = strictly(bytes) ?? this.#leniently(bytes);
    return !this.ignoreBOM && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }

  #leniently(bytes: Uint8Array): string {
    if (this.fatal) throw new TypeError("the bytes are not UTF-8");
    return textOf(withReplacements(bytes));
  }
}

/** The text by functions of the engine, which are many times as fast as a loop. Nothing if the bytes are
 * not UTF-8. */
function strictly(bytes: Uint8Array): string | undefined {
  const text = textOf(bytes);
  if (!/[\x80-\xff]/.test(text)) return text;
  try {
    return decodeURIComponent(escape(text));
  } catch {
    return undefined;
  }
}

/** The text of these UTF-16 units. */
function textOf(units: Uint8Array | Uint16Array): string {
  let text = "";
  for (let start = 0; start < units.length; start += 4096) {
    text += String.fromCharCode.apply(null, units.subarray(start, start + 4096) as unknown as number[]);
  }
  return text;
}

/** The UTF-16 units of UTF-8, with U+FFFD for the longest parts of characters that are not whole (8.1.1). */
function withReplacements(bytes: Uint8Array): Uint16Array {
  const units = new Uint16Array(bytes.length);
  let size = 0;
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at++]!;
    if (first < 0xc2 || first > 0xf4) {
      units[size++] = first < 0x80 ? first : 0xfffd;
      continue;
    }
    let left = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    let low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    let high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    let point = first & (0x3f >> left);
    for (; left > 0; left--, at++) {
      const next = bytes[at] ?? 0;
      if (next < low || next > high) {
        point = 0xfffd;
        break;
      }
      point = (point << 6) | (next & 0x3f);
      low = 0x80;
      high = 0xbf;
    }
    if (point > 0xffff) {
      units[size++] = 0xd7c0 + (point >> 10);
      units[size++] = 0xdc00 + (point & 0x3ff);
    } else units[size++] = point;
  }
  return units.subarray(0, size);
}

Object.assign(globalThis, { TextEncoder, TextDecoder });
