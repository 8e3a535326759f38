/** From a request to the route of an app that it means. */

import { adopted } from "../adopted.ts";
import type { Router } from "../app/router.ts";
import type { Route } from "../app/slots.ts";
import { isSession } from "../app/slots.ts";
import type { Awaitable } from "../awaitable.ts";
import { then } from "../awaitable.ts";
import type { Session, SocketHooks } from "../define.ts";
import type { Event } from "../event.ts";
import { Upgrade, toOutcome } from "../outcome.ts";
import type { Answer, Outcome } from "../outcome.ts";
import type { Peer } from "../peer.ts";
import { answerOf, answerOfSession } from "./upgrade.ts";

/** Runs a route inside of what its groups and the app put around it. */
export function dispatch(router: Router, event: Event): Awaitable<Outcome> {
  const { method, route: pattern } = event;
  const route = router.slots.get(pattern)?.choose(method, () => event.isUpgradeRequest);
  if (!route) throw new Error(`the app has no route for ${method} of \`${pattern}\``);
  const { answerer } = route;
  const run = [...route.layers, router.layer].reduce<() => Awaitable<Outcome>>(
    (inside, layer) => () => layer.around(event, inside),
    () => then(answerBy(answerer, event), (answer) => toOutcome(answer, event)),
  );
  if (typeof answerer === "function" || isSession(answerer)) return run();
  return then(run(), (outcome) => {
    if (outcome instanceof Upgrade) adopted.set(outcome.socket, answerer);
    return outcome;
  });
}

function answerBy(answerer: Route["answerer"], event: Event): Awaitable<Answer> {
  if (typeof answerer === "function") return answerer(event);
  return isSession(answerer) ? answerOfSession(answerer, event) : answerOf(answerer, event);
}

/** The session of a socket: the pattern of its request tells. */
export function sessionOf(router: Router, peer: Peer): Session | undefined {
  return router.slots.get(peer.request?.route ?? "")?.session;
}

/** The hooks of a socket that another instance has accepted: the pattern of its request tells. */
export function hooksOf(router: Router, peer: Peer): SocketHooks | undefined {
  return router.slots.get(peer.request?.route ?? "")?.hooks;
}

/** The export `routes`. */
export function routesOf(router: Router) {
  const all = [...router.slots.values()].flatMap(({ pattern, methods }) =>
    methods.map((method) => ({ method, pattern })));
  return { all: () => all };
}
