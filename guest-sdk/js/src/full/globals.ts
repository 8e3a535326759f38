/** The engine's `Response`, which also tells whether its body is a stream. The build puts it in place of
 * that, wherever an author's code has it. */

import type { Event } from "../event.ts";
import { OUTCOME, whole } from "../outcome.ts";
import { streamed } from "../streamed.ts";

const Web = globalThis.Response;

class Response extends Web {
  #stream: ReadableStream | undefined;

  constructor(body?: ConstructorParameters<typeof Web>[0], init?: ConstructorParameters<typeof Web>[1]) {
    super(body, init);
    if (body instanceof ReadableStream) this.#stream = body;
  }

  /** @internal What a handler has answered. */
  [OUTCOME](event: Event) {
    return this.#stream ? streamed(event, this, this.#stream) : whole(this);
  }
}

export { Response, Response as "globalThis.Response" };
