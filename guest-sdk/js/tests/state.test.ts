// What a component saves for another version, as the small engine's JSON allows it.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { State } from "../src/define.ts";
import { stateOf } from "../src/entry/component.ts";
import * as full from "../src/full/engine.ts";
import { boundLevels } from "../src/small/json.ts";

test("what `restore` could not read is not saved", async (t) => {
  t.mock.method(console, "error", () => {});
  let levels: unknown[] = [];
  for (let level = 1; level < 500; level++) levels = [levels];
  let restored: unknown;
  const state: State = { save: () => levels, restore: (saved) => void (restored = saved) };
  const { save, restore } = stateOf({ ...full, boundLevels }, state);
  await restore((await save()) as Uint8Array);
  assert.deepEqual(restored, levels);
  levels = [levels];
  const why = "`restore` could not read what `save` returns: more than 500 levels of arrays and objects";
  await assert.rejects(async () => save(), (reason) => reason === why);
});
