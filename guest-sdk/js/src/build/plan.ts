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

/** What the component is made of, or why the module makes no component of that kind. */
export function planned(app: Partial<App> | undefined, kind: string): Plan | string {
  if (typeof app?.kind !== "string") return "the module's default export is not made by a `define…` of `lithe-sdk`";
  const defined = app as App;
  const refusal = refused(defined, kind);
  if (refusal) return refusal;
  const { options } = defined;
  const exports = [...EXPORTS[kind]!];
  if (defined.kind === "app") exports.push("routes");
  if ("state" in options && options.state) exports.push("state");
  if (kind === "hooks" && hooksOf(defined).some((hooks) => hooks.resume)) exports.push("resume");
  if (options.health) exports.push("health");
  const entry = defined.kind === "app" ? (kind === "route" ? "app" : `app-${kind}`) : kind;
  return { entry, exports };
}

function refused(app: App, kind: string): string | undefined {
  const { options } = app;
  if ("state" in options && options.state) {
    const { save, restore } = options.state;
    if (typeof save !== "function" || typeof restore !== "function") return "`state` needs two functions, `save` and `restore`";
  }
  if (app.kind !== "app") {
    if (app.kind === kind) return undefined;
    return `the module is of the kind "${app.kind}": say so in \`lithe.toml\`, not "${kind}"`;
  }
  if (kind === "middleware" || kind === "error") {
    return `the module is an app: its kind in \`lithe.toml\` is "route", "hooks" or "session", not "${kind}"`;
  }
  const all = [...app.router.slots.values()];
  if (!all.length) return "the app has no route";
  const hooks = all.find(({ hooks }) => hooks)?.pattern;
  const session = all.find(({ session }) => session)?.pattern;
  if (hooks !== undefined && session !== undefined) {
    return `the app has hooks at \`${hooks}\` and a session at \`${session}\`: a component has one of both, so make two`;
  }
  if (session !== undefined && app.options.state) {
    return `the app has a session at \`${session}\`, and a state: each session has a memory of its own, which moves nowhere`;
  }
  const [needed, why] =
    session !== undefined ? ["session", `runs sessions at \`${session}\``]
    : hooks !== undefined ? ["hooks", `accepts WebSockets at \`${hooks}\``]
    : app.options.state ? ["hooks", "has a state"]
    : kind === "session" ? ["route", "runs no session (`app.session`)"]
    : [kind, ""];
  return kind === needed ? undefined : `the app ${why}: its kind in \`lithe.toml\` is "${needed}", not "${kind}"`;
}

/** The hooks of all routes. */
function hooksOf(app: App): SocketHooks[] {
  if (app.kind === "hooks") return [app.hooks];
  if (app.kind !== "app") return [];
  return [...app.router.slots.values()].flatMap(({ hooks }) => hooks ?? []);
}
