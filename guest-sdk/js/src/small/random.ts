/** Random numbers of the host. The engine's own would be the same in every instance. */

import { getRandomBytes } from "wasi:random/random@0.2.6";

/** How many bytes one call may ask for, as in the Web Crypto API. */
const QUOTA = 65_536;

export function getRandomValues<T extends ArrayBufferView>(view: T): T {
  if (view.byteLength > QUOTA) throw new RangeError(`at most ${QUOTA} bytes at once`);
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  bytes.set(getRandomBytes(bytes.length));
  return view;
}

export function randomUUID(): string {
  const bytes = getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

Math.random = () => {
  const [high = 0, low = 0] = getRandomValues(new Uint32Array(2));
  return ((high >>> 5) * 0x4000000 + (low >>> 6)) / 2 ** 53;
};
