/** How hooks and sessions answer the requests of their route. */

import type { Awaitable } from "../awaitable.ts";
import { then } from "../awaitable.ts";
import type { Session, SocketHooks } from "../define.ts";
import type { Event, UpgradeOptions } from "../event.ts";
import { OUTCOME, Response, Stream, Upgrade } from "../outcome.ts";
import type { Answer } from "../outcome.ts";

export function answerOf(hooks: SocketHooks, event: Event): Awaitable<Answer> {
  if (!event.isUpgradeRequest) return hooks.request ? hooks.request(event) : event.upgrade();
  return then(hooks.upgrade?.(event), (answer) => accepted(answer ?? {}, event));
}

/** A session's `request` answers all requests. */
export function answerOfSession({ request }: Session, event: Event): Awaitable<Answer> {
  if (!request) return event.upgrade();
  if (!event.isUpgradeRequest) return request(event);
  // Nothing is a mistake, as in any handler.
  return then(request(event), (answer) => (answer === undefined || answer === null ? answer : accepted(answer, event)));
}

/** The options by which an upgrade is accepted, and no others: `{ error: "who are you?" }` refuses. */
const OPTIONS: Record<keyof UpgradeOptions, true> = {
  protocol: true,
  protocols: true,
  headers: true,
  context: true,
  attachment: true,
  pinned: true,
};

/** What comes of a request that asks for an upgrade: options accept it, and an answer refuses it or
 * has accepted it already. */
function accepted(answer: Answer & {}, event: Event): Answer {
  if (isAnswer(answer)) return answer;
  const unknown = typeof answer === "object" ? Object.keys(answer).find((name) => !(name in OPTIONS)) : "";
  if (unknown === undefined) return event.upgrade(answer);
  const what = unknown ? `an object with \`${unknown}\`` : `a ${typeof answer}`;
  throw new TypeError(
    `the answer to an upgrade of \`${event.route}\` is ${what}: to accept it, return options ` +
      `(\`${Object.keys(OPTIONS).join("`, `")}\`); to refuse it, return a \`Response\` or throw an \`HttpError\``,
  );
}

/** Whether it refuses the upgrade, or has accepted it. */
function isAnswer(answer: unknown): answer is Answer & object {
  if (answer instanceof Response || answer instanceof Upgrade || answer instanceof Stream) return true;
  return typeof answer === "object" && answer !== null && ("arrayBuffer" in answer || OUTCOME in answer);
}
