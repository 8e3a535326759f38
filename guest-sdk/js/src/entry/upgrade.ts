/** How hooks answer the requests of their route. */

import type { Awaitable } from "../awaitable.ts";
import { then } from "../awaitable.ts";
import type { SocketHooks } from "../define.ts";
import type { Event } from "../event.ts";
import { OUTCOME, Response, Stream, Upgrade } from "../outcome.ts";
import type { Answer } from "../outcome.ts";

export function answerOf(hooks: SocketHooks, event: Event): Awaitable<Answer> {
  if (!event.isUpgradeRequest) return hooks.request ? hooks.request(event) : event.upgrade();
  return then(hooks.upgrade?.(event), (answer) => (isAnswer(answer) ? answer : event.upgrade(answer ?? {})));
}

/** Whether it refuses the upgrade, or has accepted it. */
function isAnswer(answer: unknown): answer is Answer & object {
  if (answer instanceof Response || answer instanceof Upgrade || answer instanceof Stream) return true;
  return typeof answer === "object" && answer !== null && ("arrayBuffer" in answer || OUTCOME in answer);
}
