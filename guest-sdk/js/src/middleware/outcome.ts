/** What a ready-made middleware does to what comes of an event. */

import type { Fields } from "lithe:plugin/http@0.1.0";

import type { Awaitable } from "../awaitable.ts";
import { caught, then } from "../awaitable.ts";
import type { AppNext } from "../define.ts";
import { refusal } from "../outcome.ts";
import type { Outcome } from "../outcome.ts";

/** Changes the headers of any answer: also of an upgrade's 101, of a stream's head, and of an error. */
export function withHeaders(next: AppNext, change: (headers: Fields) => void): Awaitable<Outcome> {
  return then(
    caught(next, (reason) => {
      const error = refusal(reason);
      change(error.headers);
      throw error;
    }),
    (outcome) => {
      change(outcome.headers);
      return outcome;
    },
  );
}
