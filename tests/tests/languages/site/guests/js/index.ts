import { HttpError, Response, defineHooks } from "lithe-sdk";

function misbehave(): never {
  throw new Error("as told");
}

async function misbehaveLater(): Promise<never> {
  await null;
  misbehave();
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export default defineHooks({
  async request(event) {
    const how = event.query.get("how");
    if (how === "fail") misbehave();
    if (how === "reject") await misbehaveLater();
    if (how === "teapot") throw new HttpError(418, "short and stout");
    if (how === "print") console.log("printed without an end");
    if (how === "random") return [Math.random(), crypto.randomUUID()].join(" ");
    const [one, two] = await Promise.all([Promise.resolve("fi"), (async () => "ne")()]);
    return new Response(one + two, { headers: { "content-type": "text/plain" } });
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
