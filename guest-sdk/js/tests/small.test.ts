// What the small engine has in place of the language's own, compared with what Node has.

import assert from "node:assert/strict";
import { test } from "node:test";
import { TextDecoder as Decoder } from "node:util";

import { TextDecoder as OurDecoder } from "../src/small/text.ts";
import "../src/small/json.ts";

/** Bytes that stand where a character's parts begin, end and go wrong. */
const EDGES = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff];

test("bytes are decoded as Node decodes them", () => {
  const ours = new OurDecoder();
  const nodes = new Decoder();
  const same = (bytes: Uint8Array) => assert.equal(ours.decode(bytes), nodes.decode(bytes), String(bytes));
  for (const first of EDGES) {
    same(Uint8Array.of(first));
    for (const second of EDGES) {
      same(Uint8Array.of(first, second));
      for (const third of EDGES) for (const fourth of [0x41, 0x80, 0xbf, 0xf0]) same(Uint8Array.of(first, second, third, fourth));
    }
  }
  same(Buffer.from("aä€🦀".repeat(3000)));
  same(Uint8Array.from({ length: 10_000 }, (_, at) => EDGES[(at * at) % EDGES.length]!));
  same(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61));
  assert.throws(() => new OurDecoder("utf-8", { fatal: true }).decode(Uint8Array.of(0x61, 0xff)), TypeError);
});

test("JSON of many levels is not read", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  JSON.parse(nested(500));
  assert.throws(() => JSON.parse(nested(501)), SyntaxError);
  JSON.parse(`["${"\\\\".repeat(300_000)}x", "${"[".repeat(501)}"]`);
  JSON.parse(`["${'\\"['.repeat(501)}"]`);
});
