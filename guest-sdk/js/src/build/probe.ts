// Loads the author's module under Node, and tells the build what it defines. The build gives its
// kind as an argument, and reads the answer from the third file.

import { writeSync } from "node:fs";

import { loading } from "../engine.ts";
import { planned } from "./plan.ts";

/** The third file, after input, output and errors. */
const ANSWER = 3;

/** A stack without what is not the author's. */
function ofTheAuthor(stack = ""): string {
  return stack.split("\n").filter((line) => !/probe\.mjs|\/sdk\/|\(node:/.test(line)).join("\n");
}

loading.read = (name) => {
  const [, frame = ""] = ofTheAuthor(new Error().stack).split("\n");
  console.error(
    `warning: the module reads \`${name}\` of the environment while it is loaded, at build time, when there is ` +
      `no environment: read it in a handler\n${frame}`.trimEnd(),
  );
};

try {
  const { default: app } = await import("lithe:author");
  const plan = planned(app, process.argv[2]!);
  if (typeof plan === "string") console.error(plan);
  else writeSync(ANSWER, JSON.stringify(plan));
  // What the module has begun would keep Node here.
  process.exit(typeof plan === "string" ? 1 : 0);
} catch (error) {
  const shown = error instanceof Error ? ofTheAuthor(error.stack) : String(error);
  console.error(`the module fails while it is loaded, at build time: ${shown}`);
  process.exit(1);
}
