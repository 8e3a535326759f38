/** The routes of an app, or of a group in it. */

import type { AppMiddleware, ErrorHandler, Handler, Session, SocketHooks } from "../define.ts";
import { Layer } from "./layer.ts";
import { canonical } from "./pattern.ts";
import { Slots } from "./slots.ts";

/** Names the routes of an app, or of a group in it. Patterns are those of a site: `/rooms/:id`,
 * `:id(\d+)` with a regular expression, `:id?` optional, `:path+` one segment or more, `:path*` any
 * number, `*` one segment without a name, `**` any number without one.
 *
 * The app's middleware runs around a handler first, then that of its groups, from the broadest to
 * the most specific. Each runs in the order of registration, wherever it stands among the routes.
 * An error, also one of a middleware, goes to the error handlers of the nearest group around it,
 * then outward, and at last to the site's. */
export class Router {
  /** @internal */
  readonly layer = new Layer();
  /** @internal By pattern. */
  readonly slots = new Map<string, Slots>();

  /** Answers GET, and HEAD if nothing else does. */
  get(pattern: string, handler: Handler): this {
    return this.on("GET", pattern, handler);
  }

  post(pattern: string, handler: Handler): this {
    return this.on("POST", pattern, handler);
  }

  put(pattern: string, handler: Handler): this {
    return this.on("PUT", pattern, handler);
  }

  patch(pattern: string, handler: Handler): this {
    return this.on("PATCH", pattern, handler);
  }

  delete(pattern: string, handler: Handler): this {
    return this.on("DELETE", pattern, handler);
  }

  head(pattern: string, handler: Handler): this {
    return this.on("HEAD", pattern, handler);
  }

  /** Answers OPTIONS, in place of the host. */
  options(pattern: string, handler: Handler): this {
    return this.on("OPTIONS", pattern, handler);
  }

  /** Answers a method. */
  on(method: string, pattern: string, handler: Handler): this {
    this.#slotsOf(pattern).add(method.toUpperCase(), { answerer: handler, layers: [] });
    return this;
  }

  /** Answers every method for which the pattern has no other handler. */
  any(pattern: string, handler: Handler): this {
    this.#slotsOf(pattern).add(undefined, { answerer: handler, layers: [] });
    return this;
  }

  /** Accepts WebSockets. Requests that ask for no upgrade go to the handlers of the same pattern.
   * Without such handlers, they go to the hooks' `request`. */
  ws(pattern: string, hooks: SocketHooks): this {
    if ("run" in hooks) {
      throw new Error(`\`run\` among the hooks of \`${pattern}\` would not be called: \`app.session\` runs a session`);
    }
    for (const name of ["state", "health"]) {
      if (name in hooks) {
        throw new Error(`\`${name}\` among the hooks of \`${pattern}\` would not be heard: it belongs to the app`);
      }
    }
    this.#slotsOf(pattern).addSockets({ answerer: hooks, layers: [] });
    return this;
  }

  /** Accepts WebSockets, and runs a blocking session for each, in an instance of its own. The kind of
   * such an app is `session`. Requests that ask for no upgrade go to the handlers of the same pattern.
   * Without such handlers, they go to the session's `request`, which may refuse an upgrade, too. */
  session(pattern: string, session: Session | Session["run"]): this {
    const answerer = typeof session === "function" ? { run: session } : session;
    if (typeof answerer.run !== "function") {
      throw new TypeError(`the session of \`${pattern}\` has no function \`run\``);
    }
    if ("health" in answerer) {
      throw new Error(`\`health\` of the session of \`${pattern}\` would not be heard: it belongs to the app`);
    }
    this.#slotsOf(pattern).addSockets({ answerer, layers: [] });
    return this;
  }

  /** Adds routes below a prefix, with middleware and error handlers of their own around them. The
   * prefix may have parameters, and may be empty. */
  group(prefix: string, build: (group: Router) => void): this {
    const group = new Router();
    build(group);
    for (const [pattern, slots] of group.slots) {
      this.#slotsOf(`${prefix}/${pattern}`).merge(slots, group.layer);
    }
    return this;
  }

  /** Runs around every route of this app or group. */
  use(...middleware: AppMiddleware[]): this {
    this.layer.middleware.push(...middleware);
    return this;
  }

  /** Answers for errors in this app or group. If it throws, or returns nothing, the error goes to the
   * handler that was registered next, then outward. */
  onError(handler: ErrorHandler): this {
    this.layer.errorHandlers.push(handler);
    return this;
  }

  #slotsOf(pattern: string): Slots {
    const spelled = canonical(pattern);
    let slots = this.slots.get(spelled);
    if (!slots) this.slots.set(spelled, (slots = new Slots(spelled)));
    return slots;
  }
}
