/** `ReadableStream` (Streams Standard, 4), with its default reader. It has no `tee`, no pipes, and no
 * streams of bytes with buffers of the reader. */

export interface Source<T> {
  start?(controller: Controller<T>): unknown;
  pull?(controller: Controller<T>): unknown;
  cancel?(reason: unknown): unknown;
}

type Result<T> = { done: false; value: T } | { done: true; value: undefined };

/** One that waits for a chunk. */
interface Waiting<T> {
  resolve(result: Result<T>): void;
  reject(reason: unknown): void;
}

/** What a stream is, for its source and its reader. */
class Controller<T> {
  chunks: T[] = [];
  waiting: Waiting<T>[] = [];
  state: "readable" | "closing" | "closed" | "failed" = "readable";
  reason: unknown;
  #source: Source<T>;
  #highWaterMark: number;
  #isStarted = false;
  #isPulling = false;
  #pullsAgain = false;
  #ended: (() => void)[] = [];

  constructor(source: Source<T>, highWaterMark: number) {
    this.#source = source;
    this.#highWaterMark = highWaterMark;
    const started = source.start?.(this);
    Promise.resolve(started).then(
      () => {
        this.#isStarted = true;
        this.#pull();
      },
      (reason) => this.error(reason),
    );
  }

  get desiredSize(): number | null {
    if (this.state === "failed") return null;
    return this.state === "readable" ? this.#highWaterMark - this.chunks.length : 0;
  }

  enqueue(chunk: T): void {
    if (this.state !== "readable") throw new TypeError("the stream is closed");
    const next = this.waiting.shift();
    if (next) next.resolve({ done: false, value: chunk });
    else this.chunks.push(chunk);
    this.#pull();
  }

  close(): void {
    if (this.state !== "readable") throw new TypeError("the stream is closed");
    this.state = "closing";
    if (!this.chunks.length) this.#end("closed");
  }

  error(reason: unknown): void {
    if (this.state === "closed" || this.state === "failed") return;
    this.reason = reason;
    this.chunks = [];
    this.#end("failed");
  }

  read(): Promise<Result<T>> {
    if (this.chunks.length) {
      const value = this.chunks.shift()!;
      if (this.state === "closing" && !this.chunks.length) this.#end("closed");
      else this.#pull();
      return Promise.resolve({ done: false, value });
    }
    if (this.state === "failed") return Promise.reject(this.reason);
    if (this.state !== "readable") return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.#pull();
    });
  }

  async cancel(reason: unknown): Promise<void> {
    if (this.state === "failed") throw this.reason;
    if (this.state === "closed") return;
    this.chunks = [];
    this.#end("closed");
    await this.#source.cancel?.(reason);
  }

  /** Waits for the end. */
  async closed(): Promise<undefined> {
    while (this.state === "readable" || this.state === "closing") {
      await new Promise<void>((resolve) => this.#ended.push(resolve));
    }
    if (this.state === "failed") throw this.reason;
    return undefined;
  }

  #end(state: "closed" | "failed"): void {
    this.state = state;
    for (const { resolve, reject } of this.waiting.splice(0)) {
      if (state === "failed") reject(this.reason);
      else resolve({ done: true, value: undefined });
    }
    for (const go of this.#ended.splice(0)) go();
  }

  /** Asks the source for more, one time after the other. */
  #pull(): void {
    const wants = this.waiting.length > 0 || (this.desiredSize ?? 0) > 0;
    if (this.state !== "readable" || !this.#isStarted || !this.#source.pull || !wants) return;
    if (this.#isPulling) {
      this.#pullsAgain = true;
      return;
    }
    this.#isPulling = true;
    Promise.resolve()
      .then(() => this.#source.pull?.(this))
      .then(
        () => {
          this.#isPulling = false;
          const again = this.#pullsAgain;
          this.#pullsAgain = false;
          if (again) this.#pull();
        },
        (reason) => this.error(reason),
      );
  }
}

export class ReadableStream<T = any> {
  #controller: Controller<T>;
  #reader: Reader<T> | undefined;

  constructor(source: Source<T> = {}, { highWaterMark = 1 }: { highWaterMark?: number } = {}) {
    this.#controller = new Controller(source, highWaterMark);
  }

  /** A stream of what an iteration gives. */
  static from<T>(values: Iterable<T> | AsyncIterable<T>): ReadableStream<T> {
    const iterator = Symbol.asyncIterator in values ? values[Symbol.asyncIterator]() : values[Symbol.iterator]();
    return new ReadableStream<T>(
      {
        async pull(controller) {
          const { done, value } = await iterator.next();
          if (done) controller.close();
          else controller.enqueue(await value);
        },
        cancel: (reason) => iterator.return?.(reason),
      },
      { highWaterMark: 0 },
    );
  }

  get locked(): boolean {
    return this.#reader !== undefined;
  }

  getReader(): Reader<T> {
    if (this.#reader) throw new TypeError("the stream has a reader");
    return (this.#reader = new Reader(this.#controller, () => (this.#reader = undefined)));
  }

  async cancel(reason?: unknown): Promise<void> {
    if (this.#reader) throw new TypeError("the stream has a reader");
    return this.#controller.cancel(reason);
  }

  async *values(): AsyncGenerator<T, void> {
    const reader = this.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      await reader.cancel();
      reader.releaseLock();
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<T, void> {
    return this.values();
  }
}

class Reader<T> {
  #controller: Controller<T> | undefined;
  #release: () => void;

  constructor(controller: Controller<T>, release: () => void) {
    this.#controller = controller;
    this.#release = release;
  }

  async read(): Promise<Result<T>> {
    return this.#own().read();
  }

  get closed(): Promise<undefined> {
    return this.#own().closed();
  }

  async cancel(reason?: unknown): Promise<void> {
    return this.#own().cancel(reason);
  }

  releaseLock(): void {
    if (!this.#controller) return;
    for (const { reject } of this.#controller.waiting.splice(0)) reject(new TypeError("the reader is released"));
    this.#controller = undefined;
    this.#release();
  }

  #own(): Controller<T> {
    if (!this.#controller) throw new TypeError("the reader is released");
    return this.#controller;
  }
}
