// The SDK over the host that `lithe-sdk/testing` plays.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import {
  HttpError,
  Response,
  defineErrorHandler,
  defineHandler,
  defineHooks,
  defineMiddleware,
  defineSession,
  members,
  publish,
  sse,
  toRequest,
} from "lithe-sdk";
import { TestHost } from "lithe-sdk/testing";

const rooms = defineHooks({
  request(event) {
    const room = event.params["id"] ?? "";
    if (event.query.has("stream")) return event.stream({ status: 203 });
    return { room, members: members(room).length, asked: event.query.get("a") };
  },

  upgrade(event) {
    const room = event.params["id"];
    if (room === "closed") throw new HttpError(403, "not today", { "x-why": "closed" });
    const offered = event.requestedProtocols.includes("chat");
    return { ...(offered && { protocol: "chat" }), context: { room } };
  },

  open(peer) {
    if (peer.request?.query.has("stream")) {
      peer.send("one, ");
      peer.send("two");
      return peer.close();
    }
    peer.subscribe(String(peer.context["room"]));
  },

  async message(peer, message) {
    if (message.text() === "fail") throw new Error("as told");
    if (message.text() === "later") {
      setTimeout(() => peer.send("one"), 20);
      const ticking = setInterval(() => peer.send("tick"), 15);
      setTimeout(() => clearInterval(ticking), 40);
      return;
    }
    await null;
    publish(String(peer.context["room"]), message);
  },

  close(peer, { code }) {
    publish(String(peer.context["room"]), `left with ${code}`);
  },
});

/** What goes to the log while this runs. */
async function logged(call: () => Promise<void>): Promise<string> {
  const log = mock.method(console, "error", () => {});
  await call();
  log.mock.restore();
  return log.mock.calls.map(({ arguments: words }) => words.join(" ")).join("\n");
}

test("a room hears what is said in it, and nothing else", async () => {
  const host = new TestHost(rooms);
  const [ann, bob, eve] = await Promise.all(
    ["1", "1", "2"].map((id) => host.connect("/r", { params: { id } })),
  );
  assert(ann && bob && eve);
  await ann.send("hi", new Uint8Array([0]));
  assert.deepEqual([ann.sent, bob.sent, eve.sent], [["hi", new Uint8Array([0])], ann.sent, []]);
  const about = await host.request("/r?a=1", { params: { id: "1" } });
  assert.deepEqual([about.status, about.json()], [200, { room: "1", members: 2, asked: "1" }]);
  assert.equal(about.headers.get("content-type"), "application/json");
  await bob.close(3000);
  assert.equal(ann.sent.at(-1), "left with 3000");
});

test("a protocol is chosen, and none that was not offered", async () => {
  const host = new TestHost(rooms);
  assert.equal((await host.connect("/r", { params: { id: "3" }, protocols: ["chat"] })).protocol, "chat");
  assert.equal((await host.connect("/r", { params: { id: "3" } })).protocol, undefined);
});

test("an HttpError is the answer", async () => {
  const refused = new TestHost(rooms).connect("/r", { params: { id: "closed" } });
  await assert.rejects(refused, { name: "HttpError", status: 403, message: "not today" });
});

test("any other error is a 500, or a 1011 that the others do not notice, and is logged", async () => {
  const host = new TestHost(rooms);
  const client = await host.connect("/r", { params: { id: "4" } });
  assert.match(await logged(() => client.send("fail")), /as told/);
  assert.deepEqual(client.closed, { code: 1011, reason: "Error: as told" });
  const broken = new TestHost(defineHandler(() => {
    throw new Error("as told");
  }));
  const log = await logged(async () => {
    const { status, text } = await broken.request("/").then((answer) => ({ status: answer.status, text: answer.text() }));
    assert.deepEqual([status, text], [500, "Internal Server Error"]);
  });
  assert.match(log, /as told/);
});

test("timers go off when their time has come", async () => {
  const host = new TestHost(rooms);
  const client = await host.connect("/r", { params: { id: "5" } });
  await client.send("later");
  assert.deepEqual(client.sent, []);
  await host.advance(19);
  assert.deepEqual(client.sent, ["tick"]);
  await host.advance(100);
  assert.deepEqual(client.sent, ["tick", "one", "tick"]);
});

test("a code or a reason that no close frame may have is refused", async () => {
  const host = new TestHost(defineHooks({
    message(peer, message) {
      const { code, reason } = message.json() as { code: number; reason: string };
      try {
        peer.close(code, reason);
      } catch (error) {
        peer.send(String(error));
      }
    },
  }));
  const client = await host.connect("/");
  for (const code of [999, 1001, 2999, 5000, 66_536, 3000.5, -1]) await client.send(JSON.stringify({ code, reason: "" }));
  await client.send(JSON.stringify({ code: 4000, reason: "ä".repeat(62) }));
  assert.equal(client.sent[4], "RangeError: 66536 is not a close code: use 1000 or 3000 to 4999");
  assert.deepEqual([client.sent.length, client.sent[7]], [8, "RangeError: the reason is over 123 bytes: shorten it"]);
  await client.send(JSON.stringify({ code: 4000, reason: "ä".repeat(61) }));
  assert.equal(client.closed?.code, 4000);
});

test("a peer that leaves between two ticks is not in the log", async () => {
  const log = mock.method(console, "error", () => {});
  const host = new TestHost(defineHooks({
    open(peer) {
      setInterval(() => peer.send("tick"), 10);
      setInterval(async () => peer.send(await "tock"), 10);
    },
    message: (peer) => {
      peer.terminate();
      peer.send("too late");
    },
  }));
  const client = await host.connect("/");
  await host.advance(25);
  await client.send("bye");
  await host.advance(50);
  assert.deepEqual([client.sent, log.mock.callCount()], [["tick", "tock", "tick", "tock"], 0]);
  log.mock.restore();
});

test("a streamed response is there as a whole", async () => {
  const answer = await new TestHost(rooms).request("/r?stream");
  assert.deepEqual([answer.status, answer.text()], [203, "one, two"]);
});

test("a session runs with what is sent to it", async () => {
  const loop = defineSession((socket) => {
    for (const message of socket) socket.send(message);
    socket.close(4000, "done");
  });
  const host = new TestHost(loop);
  const client = await host.connect("/");
  await client.send("one", "two");
  assert.deepEqual([client.sent, client.closed], [["one", "two"], { code: 4000, reason: "done" }]);
  assert.equal((await host.request("/")).status, 426);
});

test("a session streams a body of its own", async () => {
  const host = new TestHost(defineSession({
    request: (event) => (event.isUpgradeRequest ? event.upgrade() : sse(event, ["1", "2"])),
    run: (socket) => socket.send("a socket"),
  }));
  const answer = await host.request("/");
  assert.deepEqual([answer.text(), answer.headers.get("content-type")], ["data: 1\n\ndata: 2\n\n", "text/event-stream"]);
});

test("a request is one of the web, too", async () => {
  const echo = defineHandler(async (event) => {
    const request = toRequest(event);
    return new globalThis.Response(`${request.method} ${request.url} ${request.headers.get("x-a")} ${await request.text()}`);
  });
  const host = new TestHost(echo);
  const answer = await host.request("/x?y", { method: "POST", body: "body", headers: { "X-A": "b" } });
  assert.equal(answer.text(), "POST http://localhost/x?y b body");
  assert.equal((await host.request("/")).text(), "GET http://localhost/ null ");
});

test("a middleware runs around what it is given", async () => {
  const seen = defineMiddleware((event, next) => {
    const answer = next();
    answer.headers.push(["x-seen", event.path]);
    return answer;
  });
  const host = new TestHost(seen);
  const answer = await host.request("/a%20b", { next: () => new Response("inside", { status: 201 }) });
  assert.deepEqual([answer.status, answer.text(), answer.headers.get("x-seen")], [201, "inside", "/a b"]);
});

test("an error handler answers, or lets the error go on", async () => {
  const pages = defineErrorHandler((event, error) => {
    if (error.status === 418) return undefined;
    return new Response(`${error.status} at ${event.path}`, { status: error.status });
  });
  const host = new TestHost(pages);
  assert.equal((await host.fail(new HttpError(404, "not found"), "/x"))?.text(), "404 at /x");
  assert.equal(await host.fail(new HttpError(418, "short and stout")), undefined);
});
