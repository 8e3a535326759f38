// Messages of several sockets in one call.

import assert from "node:assert/strict";
import { test } from "node:test";

import { batchOf } from "../src/entry/batch.ts";
import { turns } from "../src/testing/host.ts";

function packed(...messages: [number, string | Uint8Array][]): Uint8Array {
  const parts = messages.map(([socket, message]) => {
    const payload = Buffer.from(message);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(socket, 0);
    head.writeUInt32LE(payload.length * 2 + (typeof message === "string" ? 0 : 1), 4);
    return Buffer.concat([head, payload]);
  });
  return Uint8Array.from(Buffer.concat(parts));
}

test("each socket has its turn with all its messages", async () => {
  const heard: unknown[] = [];
  const { receive } = batchOf((id, messages) => void heard.push([id, ...messages.map(({ val }) => val)]));
  receive(packed([7, "é"], [7, ""], [0xffff_fffe, Uint8Array.of(255)], [7, "again"]));
  assert.deepEqual(heard, [[7, "é", ""], [0xffff_fffe, Uint8Array.of(255)], [7, "again"]]);
  assert.deepEqual(turns.splice(0), [0xffff_fffe, 7]);
  receive(new Uint8Array());
  assert.equal(heard.length, 3);
});

test("a turn waits for the one before", async () => {
  const log: unknown[] = [];
  const { receive } = batchOf(async (id) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    log.push(id, ...turns);
  });
  await receive(packed([1, "a"], [2, "b"]));
  assert.deepEqual(log, [1, 2, 2]);
});
