/** What answers for one pattern. */

import type { Handler, Session, SocketHooks } from "../define.ts";
import type { Layer } from "./layer.ts";

/** One route, and what its groups put around it. */
export interface Route {
  /** Answers requests, or has the sockets. */
  answerer: Handler | SocketHooks | Session;
  /** From the most specific to the broadest. */
  layers: Layer[];
}

/** Whether it runs blocking sessions. */
export function isSession(answerer: Route["answerer"]): answerer is Session {
  return "run" in answerer;
}

/** The key of a route that takes every method. */
const ANY = "";

export class Slots {
  readonly pattern: string;
  /** By method; `ANY` takes all others. */
  #handlers = new Map<string, Route>();
  /** For requests that ask for an upgrade. */
  #sockets: Route | undefined;

  constructor(pattern: string) {
    this.pattern = pattern;
  }

  add(method: string | undefined, route: Route): void {
    if (this.#handlers.has(method ?? ANY)) {
      throw new Error(`the app has two routes for ${method ?? "any method"} of \`${this.pattern}\`: remove one`);
    }
    this.#handlers.set(method ?? ANY, route);
  }

  addSockets(route: Route): void {
    if (this.#sockets) throw new Error(`the app has two routes for sockets of \`${this.pattern}\`: remove one`);
    this.#sockets = route;
  }

  /** Adds those of a group, with what the group puts around them. */
  merge(other: Slots, layer: Layer): void {
    const within = ({ answerer, layers }: Route): Route => ({ answerer, layers: [...layers, layer] });
    for (const [method, route] of other.#handlers) this.add(method || undefined, within(route));
    if (other.#sockets) this.addSockets(within(other.#sockets));
  }

  /** The methods that something answers for; `undefined` is any. */
  get methods(): (string | undefined)[] {
    const named = [...this.#handlers.keys()].filter((method) => method !== ANY);
    return this.#handlers.has(ANY) || this.#sockets ? [...named, undefined] : named;
  }

  /** What answers a request. */
  choose(method: string, isUpgradeRequest: () => boolean): Route | undefined {
    if (this.#sockets && isUpgradeRequest()) return this.#sockets;
    const handlers = this.#handlers;
    const get = method === "HEAD" ? handlers.get("GET") : undefined;
    return handlers.get(method) ?? handlers.get(ANY) ?? get ?? this.#sockets;
  }

  /** The hooks of its sockets. */
  get hooks(): SocketHooks | undefined {
    const answerer = this.#sockets?.answerer;
    return answerer && !isSession(answerer) ? (answerer as SocketHooks) : undefined;
  }

  /** The session of its sockets. */
  get session(): Session | undefined {
    const answerer = this.#sockets?.answerer;
    return answerer && isSession(answerer) ? answerer : undefined;
  }
}
