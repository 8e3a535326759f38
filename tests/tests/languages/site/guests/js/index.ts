import { HttpError, Response, defineHooks } from "lithe-sdk";

function misbehave(): never {
  throw new Error("as told");
}

/** Functions that call themselves without an end, each by another part of the engine. */
const endless: Record<string, () => unknown> = {
  call: function again(): unknown {
    return again();
  },
  map: () => [0].map(endless["map"]!),
  construct: () => Reflect.construct(endless["construct"]!, []),
  text: () => String({ toString: endless["text"] }),
  json: () => JSON.stringify({ toJSON: endless["json"] }),
  sort: () => [1, 2].sort(() => Number(endless["sort"]!())),
  replace: () => "x".replace(/x/, () => String(endless["replace"]!())),
  generator: () => [...(function* () { yield endless["generator"]!(); })()],
  source: () => new Function(`return ${"(".repeat(20_000)}1${")".repeat(20_000)}`)(),
};

/** Calls itself so many times. */
function depth(calls: number): number {
  return calls > 0 ? 1 + depth(calls - 1) : 0;
}

let answered = 0;

async function misbehaveLater(): Promise<never> {
  await null;
  misbehave();
}

/** What the small engine has of the web, each part of it once. */
async function web(): Promise<unknown[]> {
  const text = new TextEncoder();
  const digits = (bytes: ArrayBuffer) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const key = await crypto.subtle.importKey("raw", text.encode("key"), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
  const signature = await crypto.subtle.sign("HMAC", key, text.encode("text"));
  const target = new EventTarget();
  const heard: string[] = [];
  target.addEventListener("told", (event) => heard.push(event.type));
  target.dispatchEvent(new Event("told"));
  const controller = new AbortController();
  controller.abort("why");
  const chunks = new ReadableStream({
    start(stream) {
      stream.enqueue(text.encode("chunk"));
      stream.close();
    },
  });
  return [
    new URL("../b?x=1#f", "https://h.example/a/c").href,
    String(new URLSearchParams({ a: "1 2" })),
    structuredClone(new Map([[1, ["two"]]])).get(1)?.[0],
    new Headers([["A", "1"], ["a", "2"]]).get("a"),
    await new globalThis.Response(chunks).text(),
    await new Request("http://h.example/", { method: "POST", body: "posted" }).text(),
    digits(await crypto.subtle.digest("SHA-1", text.encode("abc"))),
    digits(signature).slice(0, 8),
    await crypto.subtle.verify("HMAC", key, signature, text.encode("text")),
    controller.signal.reason,
    ...heard,
    process.env["NODE_ENV"],
    await fetch("http://h.example/").catch((error: Error) => error.message),
  ];
}

/** A response of the web whose body comes piece by piece. */
function piecewise(): globalThis.Response {
  let count = 0;
  const body = new ReadableStream({
    async pull(stream) {
      await null;
      stream.enqueue(new TextEncoder().encode(`piece ${++count}, `));
      if (count === 3) stream.close();
    },
  });
  return new globalThis.Response(body, { status: 203, headers: { "content-type": "text/plain" } });
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export default defineHooks({
  async request(event) {
    const how = event.query.get("how");
    if (how === "fail") misbehave();
    if (how === "reject") await misbehaveLater();
    if (how === "teapot") throw new HttpError(418, "short and stout");
    if (how === "stream") return event.stream({ status: 203, headers: { "content-type": "text/plain" } });
    if (how === "web") return web();
    if (how === "piecewise") return piecewise();
    if (how && how in endless) return String(endless[how]!());
    if (how === "deep") return String(depth(1_500));
    if (how === "count") return String(++answered);
    if (how === "print") console.log("printed without an end");
    if (how === "random") return [Math.random(), crypto.randomUUID()].join(" ");
    const [one, two] = await Promise.all([Promise.resolve("fi"), (async () => "ne")()]);
    return new Response(one + two, { headers: { "content-type": "text/plain" } });
  },

  open(peer) {
    if (peer.request?.query.get("how") !== "stream") return;
    peer.send("one, ");
    peer.send(new TextEncoder().encode("two"));
    peer.close();
  },

  async message(peer, message) {
    const text = message.text();
    if (text === "fail") misbehave();
    if (text === "reject") await misbehaveLater();
    if (text === "sleep") {
      await sleep(20);
      return peer.send("slept");
    }
    if (text === "cancelled") {
      const timer = setTimeout(() => peer.send("never"), 10);
      clearTimeout(timer);
    }
    if (text === "bytes") return peer.send(new TextEncoder().encode("é🦀"));
    peer.send(message);
  },
});
