/** Plays the host for a test: it has everything that a component imports. In a test's bundle, it
 * takes the place of all modules of `lithe:plugin`. */

import type { Event as Handle } from "lithe:plugin/event@0.1.0";
import type { Fields, HttpError as Failure } from "lithe:plugin/http@0.1.0";
import type { Outcome } from "lithe:plugin/outcome@0.1.0";
import type { Received } from "lithe:plugin/receiver@0.1.0";
import type { Message, ReadyState } from "lithe:plugin/socket@0.1.0";
import type { StreamOptions, Started } from "lithe:plugin/streams@0.1.0";
import type { Accepted, UpgradeOptions } from "lithe:plugin/ws@0.1.0";

/** A request as the host has it. */
export interface PlayedEvent extends Handle {
  /** The protocols that it offers, if it asks for an upgrade. */
  protocols: string[] | undefined;
  /** The rest of the chain, for a middleware. */
  rest: () => Outcome;
}

export interface PlayedSocket {
  event: PlayedEvent;
  protocol: string | undefined;
  attachment: Uint8Array;
  /** It stays with the version that has accepted it. */
  pinned: boolean;
  /** It only sends: a streamed response. */
  isStream: boolean;
  state: ReadyState;
  sent: (string | Uint8Array)[];
  received: Message[];
  topics: Set<string>;
  closed: { code: number; reason: string } | undefined;
}

export interface PlayedTimer {
  due: number;
  /** 0 if the timer is due only once. */
  period: number;
}

export const sockets = new Map<number, PlayedSocket>();
export const timers = new Map<number, PlayedTimer>();
export const clock = { now: 0 };
/** The component's environment. */
export const environment = new Map<string, string>();
let lastTimer = 0;

/** Forgets everything. */
export function reset(): void {
  sockets.clear();
  timers.clear();
  environment.clear();
  clock.now = 0;
}

// wasi:cli/environment

export const getEnvironment = (): [string, string][] => [...environment];

// wasi:random/random

export const getRandomBytes = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));

/** A contract's error as the engines throw it. */
function failure(value: unknown): Error {
  return Object.assign(new Error("the host refuses"), { payload: value });
}

function refusal(status: number, message: string, headers: Fields = []): Error {
  return failure({ status, headers, message } satisfies Failure);
}

function accept(
  event: Handle,
  accepted: Pick<PlayedSocket, "protocol" | "attachment" | "pinned" | "isStream">,
): number {
  const id = sockets.size + 1;
  sockets.set(id, {
    ...accepted,
    event: event as PlayedEvent,
    state: "connecting",
    sent: [],
    received: [],
    topics: new Set(),
    closed: undefined,
  });
  return id;
}

function live(id: number): PlayedSocket {
  const found = sockets.get(id);
  if (!found || found.state === "closing" || found.state === "closed") throw failure({ tag: "closed" });
  return found;
}

/** A socket whose `close` has not returned. */
function known(id: number): PlayedSocket | undefined {
  const found = sockets.get(id);
  return found?.state === "closed" ? undefined : found;
}

function end(id: number, code: number, reason: string): void {
  const found = sockets.get(id);
  if (!found || found.closed) return;
  found.state = "closing";
  found.closed = { code, reason };
}

// ws

export const isSupported = () => true;
export const isUpgradeRequest = (event: Handle) => (event as PlayedEvent).protocols !== undefined;
export const requestedProtocols = (event: Handle) => (event as PlayedEvent).protocols ?? [];

export function upgrade(event: Handle, { protocol, headers, attachment, pinned }: UpgradeOptions): Accepted {
  if (event.method() !== "GET") throw refusal(405, "only GET can be upgraded", [["allow", "GET"]]);
  if (!isUpgradeRequest(event)) throw refusal(426, "this is for WebSockets", [["upgrade", "websocket"]]);
  if (protocol !== undefined && !requestedProtocols(event).includes(protocol)) {
    throw refusal(500, "the protocol was not requested");
  }
  return { socket: accept(event, { protocol, attachment, pinned, isStream: false }), headers };
}

// streams

export function start(event: Handle, { status, headers, attachment, pinned }: StreamOptions): Started {
  return { socket: accept(event, { protocol: undefined, attachment, pinned, isStream: true }), status, headers };
}

// socket

export function send(to: number, message: Message): void {
  live(to).sent.push(message.val);
}

export function close(id: number, code: number | undefined, reason: string): void {
  const chosen = code ?? 1000;
  if (chosen !== 1000 && (chosen < 3000 || chosen > 4999)) throw failure({ tag: "invalid-code", val: chosen });
  if (new TextEncoder().encode(reason).length > 123) throw failure({ tag: "reason-too-long" });
  end(id, chosen, reason);
}

export const fail = (id: number, reason: string) => end(id, 1011, reason);
export const terminate = (id: number) => end(id, 1006, "");
export const state = (id: number): ReadyState => sockets.get(id)?.state ?? "closed";
export const protocol = (id: number) => sockets.get(id)?.protocol;
export const bufferedAmount = (_: number) => 0;
export const eventOf = (id: number): Handle | undefined => known(id)?.event;
export const attachment = (id: number) => known(id)?.attachment ?? new Uint8Array();

export function setAttachment(id: number, value: Uint8Array): void {
  live(id).attachment = value;
}

// topics

export function subscribe(id: number, topic: string): void {
  const { topics } = live(id);
  if (new TextEncoder().encode(topic).length > 256) throw failure({ tag: "name-too-long" });
  if (topics.size === 64 && !topics.has(topic)) throw failure({ tag: "too-many", val: 64 });
  topics.add(topic);
}

export function unsubscribe(id: number, topic: string): void {
  sockets.get(id)?.topics.delete(topic);
}

export const subscriptions = (id: number) => [...(known(id)?.topics ?? [])].sort();

export function members(topic: string | undefined): number[] {
  const hears = ({ topics, isStream }: PlayedSocket) => (topic === undefined ? !isStream : topics.has(topic));
  return [...sockets].filter(([, socket]) => socket.state === "open" && hears(socket)).map(([id]) => id);
}

export function publish(topic: string, message: Message, notTo: number | undefined): number {
  const heard = members(topic).filter((id) => id !== notTo);
  for (const id of heard) send(id, message);
  return heard.length;
}

// timers

export function set(delay: number, repeat: boolean): number {
  timers.set(++lastTimer, { due: clock.now + delay, period: repeat ? Math.max(delay, 1) : 0 });
  return lastTimer;
}

export function cancel(id: number): void {
  timers.delete(id);
}

// turn

/** The sockets whose turn has begun behind another one's. */
export const turns: number[] = [];
export const begin = (id: number) => void turns.push(id);

// receiver

export function receive(id: number): Received {
  const found = live(id);
  const message = found.received.shift();
  return message ? { tag: "message", val: message } : { tag: "closed", val: { code: 1000, reason: "", clean: true } };
}

// next

export const run = (event: Handle): Outcome => (event as PlayedEvent).rest();
