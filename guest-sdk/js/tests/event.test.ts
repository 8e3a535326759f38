// What a client may send, and what cookies it gets.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Response, cookie, defineHandler } from "lithe-sdk";
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
    assert.deepEqual([answer.status, answer.text()], [400, `parameter \`id\` is \`${id}\`: not an integer`]);
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
});

test("a form is one, or is refused", async () => {
  const form: Handler = (event) => [event.form().text("name"), event.form().int("age")];
  const post = (body: string, type = "application/x-www-form-urlencoded; charset=utf-8") =>
    ask(form, "/", { method: "POST", body, headers: { "content-type": type } });
  assert.deepEqual((await post("name=Ann+B&age=7")).json(), ["Ann B", 7]);
  assert.equal((await post("name=Ann&age=x")).text(), "field `age` is `x`: not an integer");
  assert.equal((await post("age=7")).text(), "field `name` is missing");
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
