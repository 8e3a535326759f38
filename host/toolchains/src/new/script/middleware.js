/** Runs around every request of the site, and says so. */

import { defineMiddleware } from "lithe-sdk";

export default defineMiddleware((_event, next) => {
  const outcome = next();
  outcome.headers.push(["x-seen-by", "{name}"]);
  return outcome;
});
