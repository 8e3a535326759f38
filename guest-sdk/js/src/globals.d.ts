// What both engines have, the small one by `small/`. The DOM's types have much more, so these are
// apart.

interface Console {
  log(...values: unknown[]): void;
  info(...values: unknown[]): void;
  debug(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
}

declare var console: Console;
declare function setTimeout(callback: (...args: any[]) => void, milliseconds?: number, ...args: any[]): number;
declare function setInterval(callback: (...args: any[]) => void, milliseconds?: number, ...args: any[]): number;
declare function clearTimeout(timer?: number): void;
declare function clearInterval(timer?: number): void;
declare function queueMicrotask(callback: () => void): void;

declare var performance: { now(): number };
declare var process: { env: Readonly<Record<string, string | undefined>> };
declare function atob(text: string): string;
declare function btoa(text: string): string;

declare class TextEncoder {
  encode(text?: string): Uint8Array;
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: Uint8Array | ArrayBuffer): string;
}

// What the engines have, and the compiler's library of ES2022 does not.

interface String {
  toWellFormed(): string;
}

interface Uint8ArrayConstructor {
  fromBase64(text: string): Uint8Array<ArrayBuffer>;
}

declare class DOMException extends Error {
  constructor(message?: string, name?: string);
}

// As far as `small/web/` has them.

declare var AbortController: typeof import("./small/web/abort.ts").AbortController;
declare var AbortSignal: typeof import("./small/web/abort.ts").AbortSignal;
declare var CustomEvent: typeof import("./small/web/events.ts").CustomEvent;
declare var Event: typeof import("./small/web/events.ts").Event;
declare var EventTarget: typeof import("./small/web/events.ts").EventTarget;
declare var Headers: typeof import("./small/web/headers.ts").Headers;
declare var ReadableStream: typeof import("./small/web/streams.ts").ReadableStream;
declare var Request: typeof import("./small/web/request.ts").Request;
declare var Response: typeof import("./small/web/response.ts").Response;
declare var URL: typeof import("./small/web/url.ts").URL;
declare var URLSearchParams: typeof import("./small/web/params.ts").URLSearchParams;
declare var crypto: typeof import("./small/web/crypto.ts").crypto;
declare var structuredClone: typeof import("./small/web/clone.ts").structuredClone;
declare function fetch(input: unknown, init?: unknown): Promise<Response>;

type AbortController = import("./small/web/abort.ts").AbortController;
type AbortSignal = import("./small/web/abort.ts").AbortSignal;
type CryptoKey = import("./small/web/subtle.ts").CryptoKey;
type Event = import("./small/web/events.ts").Event;
type EventTarget = import("./small/web/events.ts").EventTarget;
type Headers = import("./small/web/headers.ts").Headers;
type ReadableStream<T = any> = import("./small/web/streams.ts").ReadableStream<T>;
type Request = import("./small/web/request.ts").Request;
type Response = import("./small/web/response.ts").Response;
type URL = import("./small/web/url.ts").URL;
type URLSearchParams = import("./small/web/params.ts").URLSearchParams;
