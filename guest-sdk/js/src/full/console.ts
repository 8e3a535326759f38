/** `console`, which prints errors with the names and lines of the author's files. */

import { described } from "../stack.ts";

for (const name of ["log", "info", "debug", "warn", "error"] as const) {
  const print = console[name].bind(console);
  console[name] = (...values) => print(...values.map((value) => (value instanceof Error ? described(value) : value)));
}
