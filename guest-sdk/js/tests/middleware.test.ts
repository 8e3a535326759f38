// The ready-made middleware.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  HttpError,
  basicAuth,
  bearerAuth,
  constantTimeEqual,
  cors,
  defineApp,
  defineMiddleware,
  env,
  requestId,
  sameOrigin,
  timing,
} from "lithe-sdk";
import type { AppMiddleware, Handler } from "lithe-sdk";
import { TestHost } from "lithe-sdk/testing";

const OURS = "https://ours.example";

/** A host whose only route has this middleware. */
function around(middleware: AppMiddleware, handler: Handler = () => "welcome", env = {}): TestHost {
  return new TestHost(defineApp((app) => app.use(middleware).any("/", handler).ws("/ws", {})), { env });
}

const authorized = (authorization: string) => ({ headers: { authorization } });

test("a token guards requests and upgrades", async () => {
  const host = around(bearerAuth(["one", "two"]));
  assert.equal((await host.request("/", authorized("bearer  two "))).text(), "welcome");
  await host.connect("/ws", authorized("Bearer one"));
  for (const header of ["", "Bearer", "Bearer ", "Bearer on", "Basic one"]) {
    const { status, headers } = await host.request("/", header ? authorized(header) : {});
    assert.deepEqual([status, headers.get("www-authenticate")], [401, "Bearer"], header);
  }
  await assert.rejects(host.connect("/ws"), { status: 401 });
});

test("a token may be in the environment, and one that is not there lets nobody pass", async () => {
  const guard = bearerAuth(() => env["TOKEN"]);
  assert.equal((await around(guard, undefined, { TOKEN: "t" }).request("/", authorized("Bearer t"))).status, 200);
  for (const tokens of [guard, bearerAuth(""), bearerAuth([])]) {
    assert.equal((await around(tokens).request("/", authorized("Bearer undefined"))).status, 401);
    assert.equal((await around(tokens).request("/", authorized("Bearer "))).status, 401);
  }
});

test("a password may have colons, and malformed credentials are refused", async () => {
  const host = around(basicAuth("the \"staff\"", { ada: "a:b", bob: "", "ä": "ö" }), (event) => event.local("user"));
  const ask = (user: string) => host.request("/", authorized(`Basic ${Buffer.from(user).toString("base64")}`));
  assert.equal((await ask("ada:a:b")).text(), "ada");
  // An empty password may be a secret that the site does not grant.
  assert.equal((await ask("bob:")).status, 401);
  assert.equal((await ask("ä:ö")).text(), "ä");
  for (const refused of [await ask("ada:a"), await ask("ada"), await ask(""), await host.request("/", authorized("Basic !"))]) {
    const challenge = "Basic realm=\"the 'staff'\", charset=\"UTF-8\"";
    assert.deepEqual([refused.status, refused.headers.get("www-authenticate")], [401, challenge]);
  }
});

test("only the same is equal", () => {
  assert(constantTimeEqual("abc", "abc") && constantTimeEqual("", ""));
  for (const other of ["", "ab", "abd", "abcd"]) assert(!constantTimeEqual("abc", other) && !constantTimeEqual(other, "abc"));
});

const preflight = (origin: string) => ({
  method: "OPTIONS",
  headers: { origin, "access-control-request-method": "PUT", "access-control-request-headers": "x-a, x-b" },
});

test("a preflight is answered without the handler", async () => {
  const host = around(cors({ origins: [OURS], credentials: true, maxAge: 60 }), () => assert.fail("the handler is asked"));
  const answer = await host.request("/", preflight(OURS));
  assert.equal(answer.status, 204);
  assert.deepEqual(Object.fromEntries(answer.headers), {
    "vary": "origin",
    "access-control-allow-origin": OURS,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "access-control-allow-headers": "x-a, x-b",
    "access-control-max-age": "60",
  });
  const other = await host.request("/", preflight("https://evil.example"));
  assert.deepEqual([...other.headers], [["vary", "origin"]]);
});

test("answers and errors say who may read them", async () => {
  const fails: Handler = () => {
    throw new HttpError(404, "Not Found");
  };
  for (const [handler, status] of [[undefined, 200], [fails, 404]] as const) {
    const answer = await around(cors({ origins: () => [OURS], expose: ["x-total"] }), handler).request("/", { headers: { origin: OURS } });
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get("access-control-allow-origin"), OURS);
    assert.equal(answer.headers.get("access-control-expose-headers"), "x-total");
  }
  const any = await around(cors({ credentials: true })).request("/", { headers: { origin: OURS } });
  assert.equal(any.headers.get("access-control-allow-origin"), "*");
  assert.equal(any.headers.get("access-control-allow-credentials"), undefined);
  assert.equal((await around(cors()).request("/")).headers.get("vary"), undefined);
});

test("another site's page opens no socket", async () => {
  const host = around(sameOrigin(["https://friend.example"]));
  for (const origin of ["http://localhost", "https://LOCALHOST", "https://friend.example"]) {
    await host.connect("/ws", { headers: { origin } });
  }
  await host.connect("/ws");
  for (const origin of ["https://evil.example", "null", "localhost"]) {
    await assert.rejects(host.connect("/ws", { headers: { origin } }), { status: 403 });
  }
  assert.equal((await host.request("/", { headers: { origin: "https://evil.example" } })).status, 200);
});

test("a request is followed", async () => {
  const host = around(requestId(), (event) => event.local("request-id"));
  const ask = async (id: string) => (await host.request("/", { headers: { "x-request-id": id } })).headers.get("x-request-id");
  assert.equal(await ask("abc-1"), "abc-1");
  for (const id of ["", "a b", "ä", "x".repeat(129)]) assert.equal(await ask(id), "test", id);
  assert.match((await around(timing()).request("/")).headers.get("server-timing") ?? "", /^total;dur=\d+\.\d{3}$/);
  const own = await new TestHost(defineMiddleware(timing())).request("/");
  assert(own.headers.has("server-timing"));
});
