// Apps, and what moves to another version, over the host that `lithe-sdk/testing` plays.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { HttpError, Response, defineApp, defineHandler, defineHooks, defineSession, env, sse, stream } from "lithe-sdk";
import type { AppMiddleware, Handler, Hooks, Socket, SocketHooks } from "lithe-sdk";
import { TestHost } from "lithe-sdk/testing";

/** A middleware that leaves its name before and after what it wraps. */
const mark = (name: string): AppMiddleware => async (event, next) => {
  event.setLocal("order", `${event.local("order") ?? ""}${name}`);
  const outcome = await next();
  return outcome.setHeader("x-order", `${outcome.header("x-order") ?? ""}${name}`);
};

const order: Parameters<typeof defineHandler>[0] = (event) => event.local("order");

test("a request is dispatched on method and pattern", async () => {
  const host = new TestHost(defineApp((app) => {
    app.get("/x", () => "get").post("/x", () => "post");
    app.any("/any/:id", (event) => event.param("id")).get("/any/:id", () => "get any");
    app.get("files/:path+/", (event) => event.param("path"));
  }));
  const ask = async (method: string, uri: string) => (await host.request(uri, { method })).text();
  assert.equal(await ask("GET", "/x"), "get");
  assert.equal(await ask("HEAD", "/x"), "get");
  assert.equal(await ask("POST", "/x"), "post");
  assert.equal(await ask("POST", "/any/7"), "7");
  assert.equal(await ask("GET", "/any/7"), "get any");
  assert.equal(await ask("GET", "/files/a/b%20c"), "a/b c");
  assert.equal((await host.request("/y")).status, 404);
  const refused = await host.request("/x", { method: "PUT" });
  assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET, POST"]);
});

test("each route has a session of its own", async () => {
  const host = new TestHost(defineApp((app) => {
    app.get("/a", () => "a page");
    app.session("/a", (socket) => {
      for (const message of socket) socket.send(`a:${message.text()}`);
    });
    app.group("/b", (b) => b.use(mark("b")).session("/:id", {
      request: (event) => event.upgrade({ protocols: ["chat"] }),
      run(socket) {
        for (const message of socket) socket.send(`b${socket.request?.param("id")}:${message.text()}`);
      },
    }));
    app.get("/none", (event) => event.upgrade());
  }));
  const [a, b] = [await host.connect("/a"), await host.connect("/b/1", { protocols: ["chat"] })];
  await a.send("x");
  await b.send("x");
  assert.deepEqual([a.sent, b.sent, b.protocol], [["a:x"], ["b1:x"], "chat"]);
  assert.equal((await host.request("/a")).text(), "a page");
  assert.equal((await host.request("/b/1")).status, 426);
  const log = mock.method(console, "error", () => {});
  const none = await host.connect("/none");
  await none.send("x");
  assert.equal(none.closed?.code, 1011);
  assert.match(String(log.mock.calls[0]?.arguments[0]), /no session of the app is for `\/none`: `app.session` adds one/);
  log.mock.restore();
});

test("a session's `request` accepts an upgrade as that of hooks does", async () => {
  const run = (socket: Socket): void => socket.send(socket.context);
  const request: Handler = (event) => (event.isUpgradeRequest ? { context: { id: 7 } } : "a page");
  for (const module of [
    defineSession({ request, run }),
    defineApp((app) => app.session("/", { request: async (event) => request(event), run })),
  ]) {
    const host = new TestHost(module);
    const client = await host.connect("/");
    await client.send("x");
    assert.deepEqual(client.sent, ['{"id":7}']);
    assert.equal((await host.request("/")).text(), "a page");
  }
});

test("what neither accepts an upgrade nor refuses it is a mistake", async () => {
  const log = mock.method(console, "error", () => {});
  const run = (): void => {};
  for (const [answer, words] of [
    [{ context: {}, user: "ann" }, /the answer to an upgrade of `\/` is an object with `user`.*`context`.*return a `Response`/],
    ["no", /is a string: to accept it/],
  ] as const) {
    for (const module of [defineHooks({ upgrade: () => answer }), defineSession({ request: () => answer, run })]) {
      log.mock.resetCalls();
      await assert.rejects(new TestHost(module).connect("/"), { status: 500 });
      assert.match(String(log.mock.calls[0]?.arguments[0]), words);
    }
  }
  log.mock.restore();
});

test("what is wrong with sessions of an app is said", () => {
  const session = (): void => {};
  assert.throws(() => new TestHost(defineApp((app) => app.ws("/a", {}).session("/b", session))),
    /hooks at `\/a` and a session at `\/b`/);
  assert.throws(() => defineApp((app) => app.ws("/a", { run: session } as object)), /`app.session` runs a session/);
  assert.throws(() => defineApp((app) => app.session("/a", {} as { run: typeof session })), /`\/a` has no function `run`/);
  const state = { save: () => 0, restore: () => {} };
  assert.throws(() => new TestHost(defineApp((app) => app.session("/b", session), { state })), /and a state/);
});

test("middleware runs from the app to the most specific group", async () => {
  const host = new TestHost(defineApp((app) => {
    app.group("/a", (a) => {
      a.get("/", order).use(mark("3"));
      a.group("/b", (b) => b.use(mark("5"), mark("6")).get("/c", order));
    });
    app.use(mark("1")).get("/", order).use(mark("2"));
  }));
  const both = async (uri: string) => {
    const answer = await host.request(uri);
    return [answer.text(), answer.headers.get("x-order")];
  };
  assert.deepEqual(await both("/"), ["12", "21"]);
  assert.deepEqual(await both("/a"), ["123", "321"]);
  assert.deepEqual(await both("/a/b/c"), ["12356", "65321"]);
});

test("an error goes to the nearest handler and outward", async () => {
  const log = mock.method(console, "error", () => {});
  const fail = (status: number) => () => {
    throw new HttpError(status, "inside");
  };
  const tell = (name: string, passes: number) => (_: unknown, error: HttpError) => {
    if (error.status === passes) throw new HttpError(passes + 1, `${name}+${error.message}`);
    return new Response(`${name}(${error.message})`, { status: error.status });
  };
  const host = new TestHost(defineApp((app) => {
    app.onError(tell("app", 502)).get("/404", fail(404));
    app.group("/g", (group) => {
      group.onError((_, { status }) => (status === 405 ? undefined : tell("first", 410)(_, new HttpError(status, "inside"))));
      group.onError(tell("second", 411));
      group.get("/404", fail(404)).get("/405", fail(405)).get("/410", fail(410));
      group.get("/500", async () => {
        throw new Error("a secret");
      });
    });
  }));
  const answer = async (uri: string) => {
    const { status, text } = await host.request(uri).then((answer) => ({ status: answer.status, text: answer.text() }));
    return `${status} ${text}`;
  };
  assert.equal(await answer("/404"), "404 app(inside)");
  assert.equal(await answer("/g/404"), "404 first(inside)");
  assert.equal(await answer("/g/405"), "405 second(inside)");
  assert.equal(await answer("/g/410"), "412 app(second+first+inside)");
  assert.equal(await answer("/g/500"), "500 first(inside)");
  log.mock.restore();
  assert.match(String(log.mock.calls[0]?.arguments[0]), /a secret/);
});

test("`next` runs once", async () => {
  const log = mock.method(console, "error", () => {});
  const host = new TestHost(defineApp((app) => {
    app.use((_, next) => (next(), next())).get("/", () => "x");
  }));
  assert.equal((await host.request("/")).status, 500);
  log.mock.restore();
  assert.match(String(log.mock.calls[0]?.arguments[0]), /has run already/);
});

const echo: SocketHooks = {
  upgrade: (event) => ({ context: { id: event.param("id") }, protocols: ["chat"] }),
  message: (peer, message) => peer.send(`${peer.context["id"]}:${message}`),
};

test("each route has sockets of its own", async () => {
  const host = new TestHost(defineApp((app) => {
    app.use(mark("1")).ws("/rooms/:id", echo).get("/rooms/:id", () => "a page");
    app.ws("/other", { open: (peer) => peer.send("other") });
  }));
  const client = await host.connect("/rooms/7", { protocols: ["soap", "chat"] });
  await client.send("hi");
  assert.deepEqual([client.sent, client.protocol, client.headers.get("x-order")], [["7:hi"], "chat", "1"]);
  assert.deepEqual((await host.connect("/other")).sent, ["other"]);
  assert.equal((await host.request("/rooms/7")).text(), "a page");
  assert.equal((await host.request("/other")).status, 426);
});

/** A version of an app with memory of its own. */
function counter(name: string, more: Partial<Pick<Hooks, "state" | "health">> = {}) {
  let count = 0;
  const hooks: SocketHooks = {
    message(peer) {
      peer.send(`${name} ${++count}`);
    },
    resume: (peer) => peer.send(`${name} resumed`),
  };
  const state = { save: () => ({ count }), restore: (saved: { count: number }) => void (count += saved.count) };
  return defineApp((app) => app.ws("/a", hooks).ws("/b", echo).get("/", () => String(count)), { state, ...more });
}

test("memory and sockets move to another version", async () => {
  const host = new TestHost(counter("one"));
  const client = await host.connect("/a");
  await client.send("x", "x");
  await host.swap(counter("two"));
  await client.send("x");
  assert.deepEqual(client.sent, ["one 1", "one 2", "two resumed", "two 3"]);
  assert.deepEqual(await host.save(), { count: 3 });
  await host.restore({ count: 4 });
  assert.equal((await host.request("/")).text(), "7");
});

test("a socket whose route is gone is failed", async () => {
  const host = new TestHost(counter("one"));
  const client = await host.connect("/a");
  await host.swap(defineApp((app) => app.ws("/b", { resume() {} })));
  assert.deepEqual(client.closed, { code: 1011, reason: "no hooks of this version hear this socket" });
});

test("a version that is not healthy, or cannot restore, does not take over", async () => {
  const host = new TestHost(counter("one"), { env: { SICK: "flu" } });
  const client = await host.connect("/a");
  const health = () => {
    if (env["SICK"]) throw new Error(`sick: ${env["SICK"]}`);
  };
  await assert.rejects(host.swap(counter("two", { health })), /not healthy: sick: flu/);
  const restore = () => {
    throw new Error("too old");
  };
  await assert.rejects(host.swap(counter("two", { state: { save: () => 0, restore } })), /too old/);
  await client.send("x");
  assert.deepEqual(client.sent, ["one 1"]);
  const save = () => {
    throw new Error("not now");
  };
  const unsaved = new TestHost(counter("x", { state: { save, restore() {} } }));
  await assert.rejects(unsaved.swap(counter("two")), /cannot save the state: not now/);
  assert.equal(await host.health(), undefined);
  assert.equal(await new TestHost(counter("x", { health }), { env: { SICK: "x" } }).health(), "sick: x");
});

test("a state may be bytes, and has a form of JSON otherwise", async () => {
  let bytes = Uint8Array.of(0, 255);
  const raw = new TestHost(defineHooks({
    state: { format: "bytes", save: () => bytes, restore: (saved) => void (bytes = Uint8Array.of(...bytes, ...saved)) },
  }));
  await raw.restore(Uint8Array.of(7));
  assert.deepEqual(await raw.save(), Uint8Array.of(0, 255, 7));
  for (const saved of [undefined, Uint8Array.of(1)]) {
    const wrong = new TestHost(defineHooks({ state: { save: () => saved, restore() {} } }));
    await assert.rejects(() => wrong.save(), /no JSON form/);
  }
});

test("a body is streamed from whatever gives its pieces", async () => {
  async function* later() {
    yield "one";
    await new Promise((resolve) => setTimeout(resolve, 1));
    yield "two";
  }
  const app = defineApp((app) => {
    app.get("/list", (event) => stream(event, ["a", Uint8Array.of(98)], { status: 203 }));
    app.get("/events", (event) => sse(event, ["1\n2", { data: { n: 1 }, event: "e\nf", id: "7", retry: 5, comment: "c" }]));
    app.get("/call", (event) => sse(event, async (body) => {
      body.event({ data: "first" });
      const timer = setInterval(() => body.event({ data: "tick" }), 10);
      await body.closed();
      clearInterval(timer);
    }));
    app.get("/web", (event) => stream(event, new ReadableStream({
      start(controller) {
        controller.enqueue("x");
        controller.close();
      },
    })));
    app.get("/later", (event) => stream(event, later()));
    app.get("/fails", (event) => stream(event, (body) => {
      body.send("half");
      throw new Error("no more");
    }));
  });
  const host = new TestHost(app);
  const list = await host.request("/list");
  assert.deepEqual([list.status, list.text(), list.headers.get("content-type")], [203, "ab", "application/octet-stream"]);
  const events = await host.request("/events");
  assert.equal(events.text(), "data: 1\ndata: 2\n\nevent: e f\nid: 7\nretry: 5\n: c\ndata: {\"n\":1}\n\n");
  assert.equal(events.headers.get("content-type"), "text/event-stream");
  assert.equal((await host.request("/web")).text(), "x");
  const call = await host.stream("/call");
  await host.advance(25);
  assert.deepEqual(call.sent, ["data: first\n\n", "data: tick\n\n", "data: tick\n\n"]);
  await call.close();
  await host.advance(25);
  assert.equal(call.sent.length, 3);
  const two = await host.stream("/later");
  await host.advance(1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(two.sent, ["one", "two"]);
  const log = mock.method(console, "error", () => {});
  const half = await host.stream("/fails");
  log.mock.restore();
  assert.deepEqual([half.sent, half.closed?.code], [["half"], 1011]);
});

test("what would be lost without a word is refused", () => {
  assert.throws(() => defineApp((app) => app.get("/a/:id", () => "").group("a", (a) => a.get(":id/", () => ""))), /two routes for GET of `\/a\/:id`/);
  assert.throws(() => defineApp((app) => app.get("/a/:x(", () => "")), /malformed/);
  assert.throws(() => defineApp((app) => app.ws("/", { health() {} } as SocketHooks)), /belongs to the app/);
  assert.throws(() => defineApp((async () => {}) as never), /not `async`/);
  assert.throws(() => new TestHost(defineApp(() => {})), /has no route/);
});
