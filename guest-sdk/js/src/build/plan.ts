/** What a component exports follows from what its module defines. */

import type { App, SocketHooks } from "../define.ts";

/** How the component is made. */
export interface Plan {
  /** The module of `entry/`. */
  entry: string;
  /** What the component exports, by the names of `entry/`. */
  exports: string[];
}

/** What each kind exports. */
const EXPORTS: Record<string, string[]> = {
  route: ["handler"],
  hooks: ["handler", "hooks"],
  session: ["handler", "session"],
  middleware: ["middleware"],
  error: ["errorHandler"],
};

/** Throws if the module is of another kind than `lithe.toml` says. */
export function planned(app: Partial<App> | undefined, kind: string): Plan {
  if (typeof app?.kind !== "string") {
    throw new Error("the module's default export is not made by a `define…` of `lithe-sdk`");
  }
  const defined = app as App;
  if (defined.kind === "app") check(defined, kind);
  else if (defined.kind !== kind) {
    throw new Error(`the module is of the kind "${defined.kind}": say so in \`lithe.toml\`, not "${kind}"`);
  }
  const { options } = defined;
  const exports = [...EXPORTS[kind]!];
  if (defined.kind === "app") exports.push("routes");
  if ("state" in options && options.state) {
    const { save, restore } = options.state;
    if (typeof save !== "function" || typeof restore !== "function") {
      throw new Error("`state` needs two functions, `save` and `restore`");
    }
    exports.push("state");
  }
  if (kind === "hooks" && hooksOf(defined).some((hooks) => hooks.resume)) exports.push("resume");
  if (options.health) exports.push("health");
  const entry = defined.kind === "app" ? (kind === "hooks" ? "app-hooks" : "app") : kind;
  return { entry, exports };
}

function check(app: Extract<App, { kind: "app" }>, kind: string): void {
  if (kind !== "route" && kind !== "hooks") {
    throw new Error(`the module is an app: its kind in \`lithe.toml\` is "route" or "hooks", not "${kind}"`);
  }
  const all = [...app.router.slots.values()];
  if (!all.length) throw new Error("the app has no route");
  if (kind === "hooks") return;
  const sockets = all.find(({ hooks }) => hooks);
  const needs = sockets ? `accepts WebSockets at \`${sockets.pattern}\`` : app.options.state && "has a state";
  if (needs) throw new Error(`the app ${needs}: its kind in \`lithe.toml\` is "hooks", not "route"`);
}

/** The hooks of all routes. */
function hooksOf(app: App): SocketHooks[] {
  if (app.kind === "hooks") return [app.hooks];
  if (app.kind !== "app") return [];
  return [...app.router.slots.values()].flatMap(({ hooks }) => hooks ?? []);
}
