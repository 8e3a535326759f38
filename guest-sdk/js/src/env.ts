/** The environment: the variables and secrets that `lithe.toml` grants the component. */

import { getEnvironment } from "wasi:cli/environment@0.2.6";

import { loading } from "./engine.ts";

let variables: Record<string, string> | undefined;

function all(name = ""): Record<string, string> {
  if (variables) return variables;
  if (!loading.now) return (variables = Object.fromEntries(getEnvironment()));
  loading.read?.(name);
  return {};
}

/** The variables and secrets that the site grants this component, by their names. They are there
 * when a request comes, and not while the module is loaded, which happens at build time. */
export const env: Readonly<Record<string, string | undefined>> = /* @__PURE__ */ new Proxy({} as Record<string, string>, {
  get: (_, name) => (typeof name === "string" ? all(name)[name] : undefined),
  has: (_, name) => typeof name === "string" && name in all(name),
  ownKeys: () => Object.keys(all()),
  getOwnPropertyDescriptor: (_, name) => Object.getOwnPropertyDescriptor(all(), name),
  set: () => false,
  deleteProperty: () => false,
});

/** @internal For tests, each of which has an environment of its own. */
export function forgetEnvironment(): void {
  variables = undefined;
}
