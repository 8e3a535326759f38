import assert from "node:assert/strict";
import { test } from "node:test";

import { TestHost } from "lithe-sdk/testing";

import app from "./{main}";

test("says where it is", async () => {
  const answer = await new TestHost(app).request("/here");
  assert.deepEqual([answer.status, answer.text()], [200, "Hello from /here"]);
});
