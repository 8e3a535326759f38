/** Short messages of several sockets in one call, in the format of `batch.receive`: see the contract. The
 * full engine takes them, because each of its calls costs much. The small one gains nothing. */

import type { Message as Said } from "lithe:plugin/socket@0.1.0";
import { begin } from "lithe:plugin/turn@0.1.0";

import type { Awaitable } from "../awaitable.ts";
import { then } from "../awaitable.ts";

export function batchOf(receive: (id: number, messages: Said[]) => Awaitable<void>) {
  return {
    receive: (packed: Uint8Array) => turnsFrom(new DataView(packed.buffer, packed.byteOffset, packed.byteLength), 0, receive),
  };
}

/** Hands out the messages from a place on. Each socket's turn waits for the one before. */
function turnsFrom(
  packed: DataView,
  start: number,
  receive: (id: number, messages: Said[]) => Awaitable<void>,
): Awaitable<void> {
  if (start >= packed.byteLength) return undefined;
  const socket = packed.getUint32(start, true);
  if (start > 0) begin(socket);
  const messages: Said[] = [];
  let at = start;
  while (at < packed.byteLength && packed.getUint32(at, true) === socket) {
    const length = packed.getUint32(at + 4, true);
    const payload = new Uint8Array(packed.buffer, packed.byteOffset + at + 8, length >>> 1);
    at += 8 + payload.length;
    messages.push(length & 1 ? { tag: "binary", val: payload.slice() } : { tag: "text", val: decoder.decode(payload) });
  }
  return then(receive(socket, messages), () => turnsFrom(packed, at, receive));
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
