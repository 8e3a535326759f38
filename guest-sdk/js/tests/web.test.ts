// What the small engine has of the web, compared with what Node has.

import assert from "node:assert/strict";
import { createHash, createHmac, webcrypto } from "node:crypto";
import { test } from "node:test";

import { AbortController, AbortSignal } from "../src/small/web/abort.ts";
import { structuredClone as clone } from "../src/small/web/clone.ts";
import { Event as OurEvent, EventTarget as OurTarget } from "../src/small/web/events.ts";
import { hash } from "../src/small/web/hash.ts";
import { Headers as OurHeaders } from "../src/small/web/headers.ts";
import { URLSearchParams as OurParams } from "../src/small/web/params.ts";
import { Request as OurRequest } from "../src/small/web/request.ts";
import { Response as OurResponse } from "../src/small/web/response.ts";
import { ReadableStream as OurStream } from "../src/small/web/streams.ts";
import { subtle } from "../src/small/web/subtle.ts";
import { URL as OurURL } from "../src/small/web/url.ts";

const PARTS = ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"] as const;

function parts(Kind: typeof URL | typeof OurURL, url: string, base?: string): string {
  try {
    const made = new Kind(url, base);
    return JSON.stringify(Object.fromEntries(PARTS.map((part) => [part, made[part]])));
  } catch (error) {
    assert(error instanceof TypeError, `${url} ${base}: ${error}`);
    return "invalid";
  }
}

const BASES = [undefined, "http://h.example/a/b/c?q#f", "https://u:p@h.example:8443", "file:///d/e", "mailto:ann@x.example", "a:/b/c", "a://h/b/c"];
const URLS = [
  "", "x", "/x/y", "//other.example/z", "?q=1", "#frag", "#", "?", ".", "..", "./x", "../x", "../../../x", "/a/./b/../c/", "/%2e/%2E%2e/x",
  "http://example.com", "HTTP://EXAMPLE.com:80/", "https://example.com:443", "http://example.com:8080/a b?c d#e f", "http:/x", "http:x", "https:x",
  "http://user:pa%20ss@host.example/p", "http://us:er:pa@ss@host/", "http://@host/", "http://host:/", "http://host:65536/", "http://host:x/",
  "http://1.2.3.4/", "http://256.1.1.1/", "http://1.2.3.4./", "http://[::1]:8080/", "http://[1:2:0:0:5:0:0:0]/", "http://[::ffff:1.2.3.4]/",
  "http://[2001:DB8::1]/", "http://[1::2::3]/", "http://[g::]/", "http://[::1", "http://", "http:///x", "http://a b/", "http://a%41b/", "http://a%zz/",
  "http://h\\x\\..\\y", "http://h/a\\b", "  http://h/x\n\ty  ", "http://h/ä€🦀?ä#ä", "http://h/'\"<>`{}|^?'\"<>`{}|^#'\"<>`{}|^",
  "mailto:bob@y.example", "data:text/plain,hi there?x#y", "javascript:alert(1)", "a:b", "a:/x/../y", "a://h/x/../y", "a://h:80/x", "a://", "a:///x", "a://h ost/",
  "file:///x/y", "file://host/x", "file://localhost/x", "file:x", "file:/x", "ftp://h:21/x", "ws://h:80/x", "wss://h:443", "1http://x", ":x", "a", "blob:x",
  "http://h?x", "http://h#x", "http://h//a//b", "//", "///x", "http://h/x?y#z?w#v", "http://host/%zz%4", "http://h/\u0000\u001f\u007f", "http://h/\ud800",
];

test("URLs are those of Node", () => {
  for (const base of BASES) {
    for (const url of URLS) {
      // Node's own has `^` and `|` as they are in some versions.
      const normal = (text: string) => text.replaceAll("%5E", "^");
      assert.equal(normal(parts(OurURL, url, base)), normal(parts(URL, url, base)), `${JSON.stringify(url)} from ${base}`);
    }
  }
});

test("a URL's parts can be set", () => {
  const settings: [string, string][] = [
    ["protocol", "https"], ["protocol", "mailto:"], ["protocol", "wss:"], ["username", "a b"], ["password", "p:@"], ["host", "x.example:81"],
    ["host", "a b"], ["hostname", "y.example"], ["hostname", ""], ["port", "90"], ["port", ""], ["port", "80"], ["port", "99999"],
    ["pathname", "/a/../b c"], ["pathname", "d"], ["search", "?x=ä"], ["search", "y"], ["search", ""], ["hash", "#z z"], ["hash", ""], ["href", "http://new/x?y"],
  ];
  for (const start of ["http://h.example/a?b#c", "https://u:p@h.example:8443/", "mailto:x@y"]) {
    for (const [part, value] of settings) {
      const [ours, nodes] = [new OurURL(start), new URL(start)];
      (ours as any)[part] = (nodes as any)[part] = value;
      assert.equal(ours.href, nodes.href, `${start} ${part} = ${value}`);
    }
  }
  const url = new OurURL("http://h/?a=1&b=2");
  const { searchParams } = url;
  searchParams.append("c d", "ä&");
  assert.equal(url.href, "http://h/?a=1&b=2&c+d=%C3%A4%26");
  url.search = "x=y";
  assert.deepEqual([...searchParams], [["x", "y"]]);
  searchParams.delete("x");
  assert.equal(url.href, "http://h/");
});

test("parameters are those of Node", () => {
  for (const text of ["", "?a=1&a=2&b", "a=b=c&=d&&e+f=g%20h", "%zz=%41", "a=!'()~*-._ äö€"]) {
    const [ours, nodes] = [new OurParams(text), new URLSearchParams(text)];
    assert.equal(String(ours), String(nodes));
    for (const params of [ours, nodes]) {
      params.set("a", "new");
      params.append("z", "1");
      params.append("a", "more");
      params.sort();
      params.delete("e f");
    }
    assert.equal(String(ours), String(nodes));
    assert.deepEqual([ours.get("a"), ours.getAll("a"), ours.has("b"), ours.size, ours.get("nothing")], [nodes.get("a"), nodes.getAll("a"), nodes.has("b"), nodes.size, null]);
  }
  assert.equal(String(new OurParams({ a: "1", b: "2" })), "a=1&b=2");
  assert.equal(String(new OurParams([["a", "1"], ["a", "2"]])), "a=1&a=2");
});

test("digests and signatures are those of Node", async () => {
  for (const [name, known] of [["SHA-1", "sha1"], ["SHA-256", "sha256"], ["SHA-384", "sha384"], ["SHA-512", "sha512"]] as const) {
    for (const length of [0, 1, 54, 55, 56, 57, 63, 64, 65, 110, 111, 112, 113, 127, 128, 129, 1000]) {
      const message = webcrypto.getRandomValues(new Uint8Array(length));
      assert.deepEqual(Buffer.from(hash(name, message)), createHash(known).update(message).digest(), `${name} ${length}`);
      const secret = webcrypto.getRandomValues(new Uint8Array(length + 1));
      const key = await subtle.importKey("raw", secret, { name: "HMAC", hash: name }, false, ["sign", "verify"]);
      const signature = await subtle.sign("HMAC", key, message);
      assert.deepEqual(Buffer.from(signature), createHmac(known, secret).update(message).digest());
      assert(await subtle.verify("HMAC", key, signature, message));
      new Uint8Array(signature)[3]! ^= 1;
      assert(!(await subtle.verify("HMAC", key, signature, message)));
      assert(!(await subtle.verify("HMAC", key, new Uint8Array(0), message)));
    }
  }
  await assert.rejects(subtle.digest("MD5", new Uint8Array()), { name: "NotSupportedError" });
  const key = await subtle.importKey("raw", new Uint8Array(1), { name: "HMAC", hash: { name: "SHA-256" } }, false, ["sign"]);
  await assert.rejects(subtle.verify("HMAC", key, new Uint8Array(), new Uint8Array()), { name: "InvalidAccessError" });
  await assert.rejects(subtle.exportKey("raw", key), { name: "InvalidAccessError" });
});

test("headers are those of Node", () => {
  for (const Kind of [OurHeaders, Headers]) {
    const headers = new Kind([["B", " 2 "], ["a", "1"], ["b", "3"], ["set-cookie", "x"], ["Set-Cookie", "y"]]);
    assert.deepEqual([...headers], [["a", "1"], ["b", "2, 3"], ["set-cookie", "x"], ["set-cookie", "y"]]);
    headers.set("b", "4");
    headers.delete("A");
    assert.deepEqual([headers.get("B"), headers.has("a"), headers.get("a"), headers.getSetCookie()], ["4", false, null, ["x", "y"]]);
    for (const [name, value] of [["a b", "x"], ["a", "x\ny"], ["", "x"]] as const) assert.throws(() => headers.append(name, value), TypeError);
  }
});

test("bodies are read once", async () => {
  for (const [Kind, Stream] of [[OurResponse, OurStream], [Response, ReadableStream]] as const) {
    const Made = Kind as typeof Response;
    const answer = Made.json({ a: 1 }, { status: 201 });
    assert.deepEqual([answer.status, answer.ok, answer.headers.get("content-type"), await answer.json()], [201, true, "application/json", { a: 1 }]);
    assert(answer.bodyUsed);
    await assert.rejects(answer.text(), TypeError);
    const copy = new Made("ä", { headers: { x: "y" } });
    assert.deepEqual([await copy.clone().text(), await copy.text(), copy.headers.get("content-type")], ["ä", "ä", "text/plain;charset=UTF-8"]);
    const source = { start(controller: any) { controller.enqueue(Uint8Array.of(104)); controller.enqueue(Uint8Array.of(105)); controller.close(); } };
    const streamed = new Made(new Stream(source) as never);
    assert.equal(await streamed.text(), "hi");
    const { body } = new Made("read me");
    const { value } = await body!.getReader().read();
    assert.equal(new TextDecoder().decode(value), "read me");
    assert.throws(() => new Made("", { status: 199 }), RangeError);
    assert.throws(() => new Made("x", { status: 204 }), TypeError);
    assert.equal(new Made(null).body, null);
  }
  for (const Kind of [OurRequest, Request]) {
    const request = new (Kind as typeof Request)("http://h/x?y", { method: "post", body: new URLSearchParams("a=1").toString(), headers: { a: "b" } });
    assert.deepEqual([request.url, request.method, request.headers.get("a"), await request.clone().text()], ["http://h/x?y", "POST", "b", "a=1"]);
    assert.throws(() => new (Kind as typeof Request)("http://h", { body: "x" }), TypeError);
  }
});

test("a stream gives what its source has, and asks for it when it is wanted", async () => {
  for (const Kind of [OurStream, ReadableStream]) {
    const Stream = Kind as typeof OurStream;
    const log: string[] = [];
    let next = 0;
    const counted = new Stream({
      pull(controller) {
        log.push(`pull ${++next}`);
        controller.enqueue(next);
        if (next === 3) controller.close();
      },
    }, { highWaterMark: 0 });
    const seen: number[] = [];
    for await (const chunk of counted) {
      log.push(`got ${chunk}`);
      seen.push(chunk);
    }
    assert.deepEqual([seen, log], [[1, 2, 3], ["pull 1", "got 1", "pull 2", "got 2", "pull 3", "got 3"]]);
    let cancelled: unknown;
    const endless = new Stream({ pull: (controller) => controller.enqueue("x"), cancel: (reason) => void (cancelled = reason) });
    const reader = endless.getReader();
    assert(endless.locked);
    assert.throws(() => endless.getReader(), TypeError);
    assert.deepEqual(await reader.read(), { done: false, value: "x" });
    await reader.cancel("enough");
    assert.deepEqual([cancelled, await reader.read()], ["enough", { done: true, value: undefined }]);
    reader.releaseLock();
    assert(!endless.locked);
    const failing = new Stream({ start: (controller) => controller.error(new Error("as told")) });
    await assert.rejects(failing.getReader().read(), /as told/);
    const failed = new Stream({ pull: () => Promise.reject(new Error("later")) });
    await assert.rejects(failed.getReader().read(), /later/);
    const from: string[] = [];
    for await (const piece of Stream.from(["a", "b"])) from.push(piece);
    assert.deepEqual(from, ["a", "b"]);
    const waiting = new Stream({ start: (controller) => void setTimeout(() => { controller.enqueue(1); controller.close(); }, 1) }).getReader();
    assert.deepEqual(await Promise.all([waiting.read(), waiting.read()]), [{ done: false, value: 1 }, { done: true, value: undefined }]);
    await waiting.closed;
  }
});

test("events reach their listeners", () => {
  for (const [Target, Kind] of [[OurTarget, OurEvent], [EventTarget, Event]] as const) {
    const target = new (Target as typeof EventTarget)();
    const log: string[] = [];
    const twice = () => log.push("twice");
    target.addEventListener("x", twice);
    target.addEventListener("x", twice);
    target.addEventListener("x", () => log.push("once"), { once: true });
    target.addEventListener("x", { handleEvent: (event) => { event.preventDefault(); log.push(event.type); } });
    assert.equal(target.dispatchEvent(new (Kind as typeof Event)("x", { cancelable: true })), false);
    target.removeEventListener("x", twice);
    target.addEventListener("x", (event) => event.stopImmediatePropagation());
    target.addEventListener("x", () => log.push("never"));
    assert.equal(target.dispatchEvent(new (Kind as typeof Event)("x")), true);
    assert.deepEqual(log, ["twice", "once", "x", "x"]);
  }
});

test("what is aborted says why", async () => {
  for (const [Controller, Signal] of [[AbortController, AbortSignal], [globalThis.AbortController, globalThis.AbortSignal]] as const) {
    const controller = new Controller();
    const any = (Signal as any).any([controller.signal, new Controller().signal]);
    const log: string[] = [];
    controller.signal.addEventListener("abort", () => log.push("heard"));
    any.onabort = () => log.push("any");
    controller.signal.throwIfAborted();
    controller.abort("why");
    controller.abort("again");
    assert.deepEqual([controller.signal.reason, any.reason, any.aborted, log.sort()], ["why", "why", true, ["any", "heard"]]);
    assert.throws(() => controller.signal.throwIfAborted());
    assert.equal(Signal.abort().reason.name, "AbortError");
    const timeout = Signal.timeout(1);
    // Node's own does not keep the program running.
    const running = setInterval(() => {}, 1);
    await new Promise((resolve) => timeout.addEventListener("abort", resolve));
    clearInterval(running);
    assert.equal(timeout.reason.name, "TimeoutError");
  }
});

test("values are cloned as Node clones them", () => {
  const circle: any = { list: [1, , 3], map: new Map([[{ k: 1 }, new Set([1n, "x"])]]), date: new Date(5), re: /a/gi, bytes: Uint8Array.of(1, 2), u: undefined, n: null, nan: NaN };
  circle.self = circle;
  circle.part = new Uint8Array(circle.bytes.buffer, 1, 1);
  circle.error = new RangeError("r", { cause: "c" });
  circle.boxed = Object("text");
  class Point { constructor(readonly x: number) {} }
  circle.point = new Point(1);
  const [ours, nodes] = [clone(circle), structuredClone(circle)];
  assert.deepEqual(ours, nodes);
  assert(ours !== circle && ours.self === ours && ours.part.buffer === ours.bytes.buffer && ours.bytes.buffer !== circle.bytes.buffer);
  assert(ours.error instanceof RangeError && ours.error.message === "r" && ours.error.cause === "c");
  for (const bad of [() => {}, Symbol("s"), { deep: [() => {}] }, new WeakMap(), Promise.resolve()]) assert.throws(() => clone(bad), { name: "DataCloneError" });
});
