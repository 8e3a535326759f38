import assert from "node:assert/strict";
import { test } from "node:test";

import { TestHost } from "lithe-sdk/testing";

import app from "./{main}";

test("says that it has seen a request", async () => {
  const answer = await new TestHost(app).request("/");
  assert.equal(answer.headers.get("x-seen-by"), "{name}");
});
