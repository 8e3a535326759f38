// Loads the author's module under Node, and tells the build what it defines. The build gives its
// kind as an argument, and reads the answer from the third file.

import { writeSync } from "node:fs";

import { loading } from "../engine.ts";
import { planned } from "./plan.ts";

/** The third file, after input, output and errors. */
const ANSWER = 3;

loading.read = (name) => {
  const frame = new Error().stack?.split("\n").find((line) => !/probe\.mjs|\/sdk\/|^Error/.test(line));
  console.error(
    `warning: the module reads \`${name}\` of the environment while it is loaded, at build time, when there is ` +
      `no environment: read it in a handler\n${frame ?? ""}`.trimEnd(),
  );
};

try {
  const { default: app } = await import("lithe:author");
  writeSync(ANSWER, JSON.stringify(planned(app, process.argv[2]!)));
  // What the module has begun would keep Node here.
  process.exit(0);
} catch (error) {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const isAuthors = !/at (planned|check) /.test(stack ?? "");
  console.error(isAuthors ? `the module fails while it is loaded, at build time: ${stack ?? message}` : message);
  process.exit(1);
}
