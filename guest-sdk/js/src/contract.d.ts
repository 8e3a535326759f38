// The contract's interfaces, as both engines show them to JavaScript.

declare module "lithe:plugin/http@0.1.0" {
  export type Fields = [string, string][];
  export type Body = { tag: "empty" } | { tag: "text"; val: string } | { tag: "bytes"; val: Uint8Array };
  export interface Response { status: number; headers: Fields; body: Body }
  export interface HttpError { status: number; headers: Fields; message: string }
}

declare module "lithe:plugin/event@0.1.0" {
  import type { Fields } from "lithe:plugin/http@0.1.0";
  export interface Event {
    id(): string;
    method(): string;
    uri(): string;
    path(): string;
    query(): string | null | undefined;
    scheme(): string;
    authority(): string;
    headers(): Fields;
    header(name: string): string | null | undefined;
    route(): string;
    params(): Fields;
    param(name: string): string | null | undefined;
    clientAddress(): string;
    body(): Uint8Array;
    local(key: string): string | null | undefined;
    setLocal(key: string, value: string): void;
    [Symbol.dispose]?(): void;
  }
}

declare module "lithe:plugin/socket@0.1.0" {
  import type { Event } from "lithe:plugin/event@0.1.0";
  export type Message = { tag: "text"; val: string } | { tag: "binary"; val: Uint8Array };
  export type ReadyState = "connecting" | "open" | "closing" | "closed";
  export interface CloseInfo { code: number; reason: string; clean: boolean }
  export function send(to: number, message: Message): void;
  export function close(socket: number, code: number | undefined, reason: string): void;
  export function fail(socket: number, reason: string): void;
  export function terminate(socket: number): void;
  export function state(socket: number): ReadyState;
  export function protocol(socket: number): string | null | undefined;
  export function bufferedAmount(socket: number): number;
  export function eventOf(socket: number): Event | null | undefined;
  export function attachment(socket: number): Uint8Array;
  export function setAttachment(socket: number, value: Uint8Array): void;
}

declare module "lithe:plugin/ws@0.1.0" {
  import type { Event } from "lithe:plugin/event@0.1.0";
  import type { Fields } from "lithe:plugin/http@0.1.0";
  export interface UpgradeOptions {
    protocol: string | undefined;
    headers: Fields;
    attachment: Uint8Array;
    pinned: boolean;
  }
  export interface Accepted { socket: number; headers: Fields }
  export function isSupported(): boolean;
  export function isUpgradeRequest(event: Event): boolean;
  export function requestedProtocols(event: Event): string[];
  export function upgrade(event: Event, options: UpgradeOptions): Accepted;
}

declare module "lithe:plugin/streams@0.1.0" {
  import type { Event } from "lithe:plugin/event@0.1.0";
  import type { Fields } from "lithe:plugin/http@0.1.0";
  export interface StreamOptions { status: number; headers: Fields; attachment: Uint8Array; pinned: boolean }
  export interface Started { socket: number; status: number; headers: Fields }
  export function start(event: Event, options: StreamOptions): Started;
}

declare module "lithe:plugin/outcome@0.1.0" {
  import type { Response } from "lithe:plugin/http@0.1.0";
  import type { Accepted } from "lithe:plugin/ws@0.1.0";
  import type { Started } from "lithe:plugin/streams@0.1.0";
  export type Outcome =
    | { tag: "response"; val: Response }
    | { tag: "upgrade"; val: Accepted }
    | { tag: "streamed"; val: Started };
}

declare module "lithe:plugin/topics@0.1.0" {
  import type { Message } from "lithe:plugin/socket@0.1.0";
  export function subscribe(socket: number, topic: string): void;
  export function unsubscribe(socket: number, topic: string): void;
  export function subscriptions(socket: number): string[];
  export function publish(topic: string, message: Message, notTo: number | undefined): number;
  export function members(topic: string | undefined): number[];
}

declare module "lithe:plugin/timers@0.1.0" {
  export function set(delayMs: number, repeat: boolean): number;
  export function cancel(id: number): void;
}

declare module "lithe:plugin/receiver@0.1.0" {
  import type { CloseInfo, Message } from "lithe:plugin/socket@0.1.0";
  export type Received =
    | { tag: "message"; val: Message }
    | { tag: "closed"; val: CloseInfo }
    | { tag: "timed-out" };
  export function receive(socket: number, timeoutMs: number | undefined): Received;
}

declare module "lithe:plugin/next@0.1.0" {
  import type { Event } from "lithe:plugin/event@0.1.0";
  import type { Outcome } from "lithe:plugin/outcome@0.1.0";
  export function run(event: Event): Outcome;
}

declare module "lithe:plugin/turn@0.1.0" {
  export function begin(socket: number): void;
}

// WASI, as far as the small engine needs it here.

interface OutputStream {
  blockingWriteAndFlush(bytes: Uint8Array): void;
  [Symbol.dispose]?(): void;
}

declare module "wasi:cli/stdout@0.2.6" {
  export function getStdout(): OutputStream;
}

declare module "wasi:cli/stderr@0.2.6" {
  export function getStderr(): OutputStream;
}

declare module "wasi:random/random@0.2.6" {
  export function getRandomBytes(length: number | bigint): Uint8Array;
}

declare module "wasi:cli/environment@0.2.6" {
  export function getEnvironment(): [string, string][];
}
