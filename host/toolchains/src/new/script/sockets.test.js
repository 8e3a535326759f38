import assert from "node:assert/strict";
import { test } from "node:test";

import { TestHost } from "lithe-sdk/testing";

import app from "./{main}";

test("greets and echoes", async () => {
  const client = await new TestHost(app).connect("/");
  await client.send("one", "two");
  assert.deepEqual(client.sent, ["hello", "one", "two"]);
});
