// What a client may send, and what cookies it gets.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Message, Response, cookie, defineHandler } from "lithe-sdk";
import type { Handler } from "lithe-sdk";
import { TestHost } from "lithe-sdk/testing";
import type { RequestOptions } from "lithe-sdk/testing";

const ask = (handler: Handler, uri: string, options?: RequestOptions) =>
  new TestHost(defineHandler(handler)).request(uri, options);

test("a parameter of another type is a 400 that names it", async () => {
  const item: Handler = (event) => event.paramInt("id");
  assert.equal((await ask(item, "/", { params: { id: "-42" } })).text(), "-42");
  for (const id of ["x", "", "1.5", "1e3", " 1", "9007199254740993", "1".repeat(100)]) {
    const answer = await ask(item, "/", { params: { id } });
    const why = /^\d+$/.test(id) ? "out of range" : "not an integer";
    assert.deepEqual([answer.status, answer.text()], [400, `parameter \`id\` is \`${id}\`: ${why}`]);
  }
  assert.equal((await ask(item, "/")).text(), "parameter `id` is missing");
});

test("a query is decoded like a form", async () => {
  const query: Handler = ({ query }) => [query.text("a b", ""), query.getAll("x"), query.int("n", 7), query.number("m", 1)];
  const parts = async (uri: string) => (await ask(query, uri)).json();
  assert.deepEqual(await parts("/?a+b=1+2%41&x=1&x=2&m=-1.5e1"), ["1 2A", ["1", "2"], 7, -15]);
  assert.deepEqual(await parts("/?a%20b=100%&x&=&n=3"), ["100%", [""], 3, 1]);
  assert.deepEqual(await parts("/?a%20b=%zz%C3%A4%ff%E2%82%AC"), ["%zzä\ufffd€", [], 7, 1]);
  assert.equal((await ask(query, "/?n=x")).text(), "query parameter `n` is `x`: not an integer");
  assert.equal((await ask(query, "/?m=Infinity")).text(), "query parameter `m` is `Infinity`: not a number");
  // A pattern that tries all divisions of the digits would take minutes here.
  assert.equal((await ask(query, `/?m=${"1".repeat(500_000)}x`)).status, 400);
  assert.match((await ask(query, `/?m=${"1".repeat(400)}`)).text(), /out of range$/);
});

test("a form is one, or is refused", async () => {
  const form: Handler = (event) => [event.form().text("name"), event.form().int("age")];
  const post = (body: string, type = "application/x-www-form-urlencoded; charset=utf-8") =>
    ask(form, "/", { method: "POST", body, headers: { "content-type": type } });
  assert.deepEqual((await post("name=Ann+B&age=7")).json(), ["Ann B", 7]);
  assert.equal((await post("name=Ann&age=x")).text(), "form field `age` is `x`: not an integer");
  assert.equal((await post("age=7")).text(), "form field `name` is missing");
  assert.equal((await post("name=Ann&age=7", "text/plain")).status, 415);
  const many = `name=Ann&age=7${"&a".repeat(998)}`;
  assert.equal((await post(many)).status, 200);
  assert.equal((await post(`${many}&a`)).text(), "there are more than 1000 fields");
});

test("a body that is not JSON is a 400", async () => {
  for (const body of ["{", "", Uint8Array.of(0x22, 0xff, 0x22)]) {
    assert.equal((await ask((event) => event.json(), "/", { method: "POST", body })).status, 400);
  }
});

test("a number in JSON is finite", async () => {
  const read = (body: string) => ask((event) => event.json(), "/", { method: "POST", body });
  for (const body of ["[1e308]", '["1e999"]', '{"1e999":1.5E+2}', `["${"9".repeat(400)}"]`]) {
    const answer = await read(body);
    assert.deepEqual([answer.status, answer.text()], [200, JSON.stringify(JSON.parse(body))]);
  }
  for (const body of ["1e999", "[-1e999]", '{"a":[{"b":1E+400}]}', `[${"9".repeat(400)}.5]`, "NaN", "Infinity"]) {
    assert.equal((await read(body)).status, 400, body);
  }
});

test("what is parsed is bounded, and a handler may raise the bound", async () => {
  const LIMIT = 128 * 1024;
  const type = { "content-type": "application/x-www-form-urlencoded" };
  const size = async (handler: Handler, body: string) => {
    const answer = await ask(handler, "/", { method: "POST", body, headers: type });
    return [answer.status, answer.text()];
  };
  const json = (length: number) => `"${"x".repeat(length - 2)}"`;
  const form = (length: number) => `a=${"x".repeat(length - 2)}`;
  assert.deepEqual(await size((event) => String(event.json<string>().length), json(LIMIT)), [200, "131070"]);
  assert.deepEqual(await size((event) => event.json(), json(LIMIT + 1)), [
    413,
    "the body is larger than 131072 bytes: `json({ limit })` reads it with a higher limit",
  ]);
  assert.deepEqual(await size((event) => String(event.json<string>({ limit: LIMIT + 1 }).length), json(LIMIT + 1)), [200, "131071"]);
  assert.deepEqual(await size((event) => String(event.form().text("a").length), form(LIMIT)), [200, "131070"]);
  assert.deepEqual(await size((event) => event.form().text("a"), form(LIMIT + 1)), [
    413,
    "the body is larger than 131072 bytes: `form({ limit })` reads it with a higher limit",
  ]);
  assert.deepEqual(await size((event) => String(event.form({ limit: LIMIT + 1 }).text("a").length), form(LIMIT + 1)), [200, "131071"]);
});

test("a message is JSON within a bound, too", () => {
  const text = new Message({ tag: "text", val: '"ä€"' });
  assert.equal(text.json({ limit: 7 }), "ä€");
  assert.throws(() => text.json({ limit: 6 }), RangeError);
  assert.throws(() => new Message({ tag: "binary", val: new Uint8Array(128 * 1024 + 1) }).json(), RangeError);
  assert.throws(() => new Message({ tag: "text", val: "1e999" }).json(), SyntaxError);
});

test("a location is encoded where a URI could not have it", () => {
  for (const [given, sent] of [
    ["/a?b=c%20d&e=[f]#g", "/a?b=c%20d&e=[f]#g"],
    ["/a\r\nset-cookie: b=c", "/a%0D%0Aset-cookie:%20b=c"],
    ["/\\evil.example", "/%5Cevil.example"],
    ['/<"ä🦀\x7f\ud800>', "/%3C%22%C3%A4%F0%9F%A6%80%7F%EF%BF%BD%3E"],
  ] as const) {
    assert.equal(Response.redirect(given).header("location"), sent);
  }
  assert.equal(Response.redirect("/", 308).status, 308);
  for (const status of [200, 304, 306, 404]) assert.throws(() => Response.redirect("/", status), RangeError);
});

test("a cookie's name is compared as it was sent", async () => {
  const read = await ask((event) => [...event.cookies], "/", { headers: { cookie: "__%48ost-a=evil; __Host-a=%41" } });
  assert.deepEqual(read.json(), [["__%48ost-a", "evil"], ["__Host-a", "A"]]);
  assert.equal(cookie("a%41", "1"), "a%41=1");
});

test("a cookie that is set is read again", async () => {
  for (const value of ["", "plain", "a b;c,d\"e\\f", "100%", "%41", "ä\u{1f600}\r\n"]) {
    const header = cookie("name", value);
    assert.match(header, /^[!-:<-~]*$/);
    const answer = await ask((event) => event.cookies.get("name"), "/", { headers: { cookie: header } });
    assert.equal(answer.text(), value);
  }
  const read = await ask((event) => [...event.cookies], "/", { headers: { cookie: "a=\"1\"; nonsense;; =2 ; b=x=y" } });
  assert.deepEqual(read.json(), [["a", "1"], ["b", "x=y"]]);
});

test("nothing in a cookie can add an attribute or a header", () => {
  const made = cookie("a;b=c", "d", { path: "/x; Domain=evil\r\nset-cookie: e=f" });
  assert.equal(made, "a%3Bb%3Dc=d; Path=/x%3B Domain=evil%0D%0Aset-cookie: e=f");
  const all = cookie("s", "1", { path: "/", domain: "a.b", maxAge: 60.5, sameSite: "Lax", secure: true, httpOnly: true });
  assert.equal(all, "s=1; Path=/; Domain=a.b; Max-Age=60; SameSite=Lax; Secure; HttpOnly");
});

test("an answer says what it is", async () => {
  const type = async (answer: unknown) => (await ask(() => answer, "/")).headers.get("content-type");
  assert.equal(await type("text"), "text/plain; charset=utf-8");
  assert.equal(await type(Uint8Array.of(1)), "application/octet-stream");
  assert.equal(await type({}), "application/json");
  assert.equal(await type(new Response("<p>", { headers: { "Content-Type": "text/html" } })), "text/html");
  assert.equal(await type(undefined), undefined);
});
