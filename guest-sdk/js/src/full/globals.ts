/** The engine's `Response`, which also tells whether its body is a stream. The build puts it in place of
 * that, wherever an author's code has it. */

import type { Event } from "../event.ts";
import { OUTCOME, Response as Answer } from "../outcome.ts";
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
    if (this.#stream) return streamed(event, this, this.#stream);
    const { status, headers } = this;
    return this.arrayBuffer().then((bytes) => new Answer(new Uint8Array(bytes), { status, headers }));
  }
}

export { Response, Response as "globalThis.Response" };
