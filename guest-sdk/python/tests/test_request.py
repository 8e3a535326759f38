"""What a request says, and what an answer is made of."""

from __future__ import annotations

import base64
import json
import unittest
from collections.abc import AsyncIterator

from lithe_sdk import (
    Cookie,
    Event,
    HttpError,
    Message,
    Outcome,
    Response,
    Sse,
    basic_auth,
    bearer_auth,
    cors,
    middleware,
    request_id,
    same_origin,
    sleep,
    timing,
)
from lithe_sdk._component import Around, Handled, component
from lithe_sdk._json import bound_json
from lithe_sdk.testing import connect, request, reset

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def serve(handler: Handled) -> None:
    component.clear()
    reset()
    component.handler = handler


def around(function: Around) -> None:
    component.clear()
    reset()
    middleware(function)


class Json(unittest.TestCase):
    def test_python_s_own_reader_has_a_bound_of_levels(self) -> None:
        self.addCleanup(setattr, json.JSONDecoder, "decode", json.JSONDecoder.decode)
        bound_json()
        for levels in ("[" * 500 + "]" * 500, "[" + "[]," * 1_000 + "1]", '"' + "[" * 1_000 + '"'):
            json.loads(levels)
            json.loads(levels.encode())
        with self.assertRaisesRegex(RecursionError, "more than 500 levels"):
            json.loads('{"a":' * 501 + "1" + "}" * 501)


class Requests(unittest.TestCase):
    def test_values_are_typed_and_named(self) -> None:
        def search(event: Event) -> Response:
            query = event.query
            return Response.json([query.one("n", int), query.one("b", bool, None), query["x"]])

        serve(search)
        self.assertEqual(request("/?n=-5&x=a+b%20c%C3%A4&x=").body, '[-5,null,["a b cä",""]]')
        for query in ("x=1", "n=&x=1", "n=4_2", "n=%D9%A3", "n=1e3", "n=" + "9" * 5000):
            self.assertEqual(request(f"/?{query}").status, 400, query)
        self.assertEqual(request("/?n=1&b=true&x=").body, '[1,true,[""]]')
        self.assertEqual(request("/?n=1&b=1&x=").body, "query parameter `b` is `1`: neither `true` nor `false`")
        many = "9" * 5000
        self.assertEqual(request(f"/?n={many}").body, f"query parameter `n` is `{many}`: out of range")

    def test_bodies_are_checked(self) -> None:
        serve(lambda event: Response.json([event.form().one("age", int)]))
        self.assertEqual(request("/", "POST", headers=FORM, body="age=7&name=Ann+B").body, "[7]")
        self.assertEqual(request("/", "POST", headers=FORM, body="age=x").status, 400)
        self.assertEqual(request("/", "POST", body="age=7").status, 415)
        many = "age=7" + "&a" * 999
        self.assertEqual(request("/", "POST", headers=FORM, body=many).status, 200)
        self.assertEqual(request("/", "POST", headers=FORM, body=many + "&a").status, 400)
        serve(lambda event: Response.json(event.json()))
        self.assertEqual(request("/", "POST", body='{"a":[1]}').body, '{"a":[1]}')
        self.assertEqual(request("/", "POST", body="[" * 128 + "]" * 128).status, 200)
        self.assertEqual(request("/", "POST", body='["[\\"[",' + "[]," * 500 + "1]").status, 200)
        for body in (b"{", b"NaN", b"[" * 129 + b"]" * 129, b"[" * 100_000, b"\xff", b"9" * 5000, b""):
            self.assertEqual(request("/", "POST", body=body).status, 400, body[:9])
        serve(lambda event: Response.text(event.json()))
        self.assertEqual(request("/", "POST", body=b'"\\ud800 a"').body, "\ufffd a")

    def test_floats_are_finite(self) -> None:
        serve(lambda event: Response.json(event.query.one("x", float)))
        for text, number in (("1.5", "1.5"), ("-.5e1", "-5.0"), ("%2B3", "3.0"), ("1e300", "1e+300")):
            self.assertEqual(request(f"/?x={text}").body, number)
        for text in ("1e999", "-1e999", "inf", "NaN", "Infinity", "4_2", "%209", "", "1" * 8000 + "x"):
            self.assertEqual(request(f"/?x={text}").status, 400, text[:9])
        serve(lambda event: Response.json(event.json()))
        self.assertEqual(request("/", "POST", body="[1e300,1]").body, "[1e+300,1]")
        for body in ("1e999", "[-1e999]", '{"a":[Infinity]}', "9" * 400 + ".5"):
            self.assertEqual(request("/", "POST", body=body).status, 400, body[:9])

    def test_what_is_parsed_is_bounded(self) -> None:
        limit = 128 * 1024

        def json(size: int) -> bytes:
            return b'"' + b"x" * (size - 2) + b'"'

        def form(size: int) -> bytes:
            return b"a=" + b"x" * (size - 2)

        serve(lambda event: Response.json(len(event.json())))
        self.assertEqual(request("/", "POST", body=json(limit)).body, "131070")
        refused = request("/", "POST", body=json(limit + 1))
        self.assertEqual(
            (refused.status, refused.body),
            (413, "the body is larger than 131072 bytes: `json(limit=…)` reads it with a higher limit"),
        )
        serve(lambda event: Response.json(len(event.json(limit=limit + 1))))
        self.assertEqual(request("/", "POST", body=json(limit + 1)).body, "131071")
        serve(lambda event: Response.json(len(event.form().one("a"))))
        self.assertEqual(request("/", "POST", headers=FORM, body=form(limit)).body, "131070")
        self.assertEqual(request("/", "POST", headers=FORM, body=form(limit + 1)).status, 413)
        serve(lambda event: Response.json(len(event.form(limit=limit + 1).one("a"))))
        self.assertEqual(request("/", "POST", headers=FORM, body=form(limit + 1)).body, "131071")
        self.assertEqual(Message('"ä"').json(limit=4), "ä")
        for message in (Message('"ä"'), Message('"ä"'.encode())):
            with self.assertRaises(ValueError):
                message.json(limit=3)
        with self.assertRaises(ValueError):
            Message(json(limit + 1)).json()

    def test_a_location_is_encoded_where_a_uri_could_not_have_it(self) -> None:
        for given, sent in (
            ("/a?b=c%20d&e=[f]#g", "/a?b=c%20d&e=[f]#g"),
            ("/a\r\nset-cookie: b=c", "/a%0D%0Aset-cookie:%20b=c"),
            ("/\\evil.example", "/%5Cevil.example"),
            ('/<"ä🦀\x7f\ud800>', "/%3C%22%C3%A4%F0%9F%A6%80%7F%EF%BF%BD%3E"),
        ):
            self.assertEqual(Response.redirect(given).header("location"), sent)

    def test_a_cookie_s_name_is_compared_as_it_was_sent(self) -> None:
        serve(lambda event: Response.json(event.cookies))
        answer = request("/", headers={"cookie": "__%48ost-a=evil; __Host-a=%41"})
        self.assertEqual(answer.body, '{"__%48ost-a":"evil","__Host-a":"A"}')
        self.assertEqual(str(Cookie("a%41", "1")), "a%41=1")

    def test_the_text_of_a_response_is_text(self) -> None:
        serve(lambda event: Response.text(event.json()))
        self.assertEqual(request("/", "POST", body="1000000").status, 500)

    def test_cookies_are_read_and_set(self) -> None:
        def cookies(event: Event) -> Response:
            response = Response.json(event.cookies)
            response.set_cookie("b", "2", path="/", max_age=60, same_site="Lax", http_only=True)
            return response.set_cookie("a;b", 'ä"', path="/x;", domain="a.example", secure=True)

        serve(cookies)
        answer = request("/", headers={"cookie": 'a="1"; nonsense;; =2 ; b=x=y; c=%C3%A4; a=2'})
        self.assertEqual(answer.body, '{"a":"1","b":"x=y","c":"ä"}')
        self.assertEqual(
            [value for name, value in answer.headers if name == "set-cookie"],
            [
                "b=2; Path=/; Max-Age=60; SameSite=Lax; HttpOnly",
                "a%3Bb=%C3%A4%22; Path=/x%3B; Domain=a.example; Secure",
            ],
        )

    def test_what_is_not_an_answer_is_a_500(self) -> None:
        serve(lambda event: Response(70_000))
        self.assertEqual(request("/").status, 500)
        with self.assertRaises(ValueError):
            Response.redirect("/", 200)
        with self.assertRaises(ValueError):
            Response.json(float("nan"))


class Streams(unittest.TestCase):
    def test_a_generator_is_a_body(self) -> None:
        serve(lambda event: Response.stream((letter for letter in ("a", b"b")), "text/plain"))
        answer = request("/")
        self.assertEqual((answer.body, answer.header("content-type")), (b"ab", "text/plain"))

    def test_events_may_wait_for_each_other(self) -> None:
        async def numbers() -> AsyncIterator[Sse | str]:
            yield "1\r\n2"
            await sleep(5)
            yield Sse("3", event="a\nb", id="7", retry=100, comment="c")

        serve(lambda event: Response.events(numbers()))
        self.assertEqual(
            request("/").body,
            b"data: 1\ndata: 2\n\nevent: a b\nid: 7\nretry: 100\n: c\ndata: 3\n\n",
        )


class Middleware(unittest.TestCase):
    def test_a_token_guards_requests_and_upgrades(self) -> None:
        around(bearer_auth("one", "two"))
        for header in ("Bearer one", "bearer  two "):
            self.assertEqual(request("/", headers={"authorization": header}).status, 200)
        for header in ("", "Bearer", "Bearer ", "Bearer on", "Basic one", "Bearer ä"):
            refused = request("/", headers={"authorization": header})
            challenge = refused.header("www-authenticate")
            self.assertEqual((refused.status, challenge), (401, "Bearer"), header)
        with self.assertRaises(HttpError):
            connect("/")
        around(bearer_auth(""))
        self.assertEqual(request("/", headers={"authorization": "Bearer "}).status, 401)

    def test_a_name_and_a_password_do(self) -> None:
        around(basic_auth('the "staff"', {"ada": "a:b", "bob": ""}))

        def ask(user: str) -> Response:
            header = base64.b64encode(user.encode()).decode()
            return request("/", headers={"authorization": f"Basic {header}"})

        # An empty password may be a secret that the site does not grant.
        self.assertEqual((ask("ada:a:b").status, ask("bob:").status), (200, 401))
        for user in ("ada:a", "ada", ""):
            challenge = "Basic realm=\"the 'staff'\", charset=\"UTF-8\""
            self.assertEqual(ask(user).header("www-authenticate"), challenge)
        self.assertEqual(request("/", headers={"authorization": "Basic !"}).status, 401)

    def test_what_the_environment_has_is_read_when_a_request_comes(self) -> None:
        secrets: dict[str, str] = {}

        def status(header: str, name: str = "authorization") -> int:
            return request("/", headers={name: header}).status

        around(bearer_auth("one", lambda: secrets.get("TOKEN")))
        self.assertEqual((status("Bearer one"), status("Bearer two")), (200, 401))
        secrets["TOKEN"] = "two"
        self.assertEqual((status("Bearer two"), status("Bearer ")), (200, 401))

        around(basic_auth("staff", lambda: {"ada": secrets.get("PASSWORD")}))
        header = "Basic " + base64.b64encode(b"ada:pw").decode()
        empty = "Basic " + base64.b64encode(b"ada:").decode()
        self.assertEqual((status(header), status(empty)), (401, 401))
        secrets["PASSWORD"] = "pw"
        self.assertEqual((status(header), status(empty)), (200, 401))

        around(cors(lambda: [secrets["SITE"]]))
        secrets["SITE"] = "https://ours.example"
        answer = request("/", headers={"origin": "https://ours.example"})
        self.assertEqual(answer.header("access-control-allow-origin"), "https://ours.example")

        around(same_origin(lambda: secrets["SITE"]))
        for origin, expected in (("ours", 200), ("other", 403)):
            with self.assertRaises(HttpError) as refused:
                connect("/", headers={"origin": f"https://{origin}.example"})
            self.assertEqual(refused.exception.status, expected)

    def test_other_sites_scripts_are_told_what_they_may(self) -> None:
        ours = {"origin": "https://ours.example"}
        asks = {
            **ours,
            "access-control-request-method": "PUT",
            "access-control-request-headers": "x-a",
        }
        around(cors([ours["origin"]], credentials=True, expose=["x-b"], max_age=60))
        answer = request("/", "OPTIONS", headers=asks)
        self.assertEqual(answer.status, 204)
        self.assertEqual(
            dict(answer.headers),
            {
                "vary": "origin",
                "access-control-allow-origin": "https://ours.example",
                "access-control-allow-credentials": "true",
                "access-control-expose-headers": "x-b",
                "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
                "access-control-allow-headers": "x-a",
                "access-control-max-age": "60",
            },
        )
        other = request("/", "OPTIONS", headers={**asks, "origin": "https://evil.example"})
        self.assertEqual(other.headers, [("vary", "origin")])
        self.assertEqual(request("/").headers, [])
        around(cors(credentials=True))
        self.assertEqual(
            request("/", headers=ours).headers, [("access-control-allow-origin", "*")]
        )

    def test_only_our_pages_and_our_friends_open_sockets(self) -> None:
        around(same_origin("https://friend.example"))

        def refused(origin: str) -> bool:
            try:
                connect("/", headers={"host": "Ours.example:1", "origin": origin})
            except HttpError as error:
                return error.status == 403
            return False

        self.assertFalse(refused("https://ours.example:1") or refused("https://friend.example"))
        for origin in ("https://ours.example", "https://friend.example:1", "null", "ours.example:1"):
            self.assertTrue(refused(origin), origin)
        self.assertEqual(request("/", headers={"origin": "https://evil.example"}).status, 200)

    def test_a_request_is_followed(self) -> None:
        around(request_id())
        for given, id in (("abc-1", "abc-1"), ("a b", "test"), ("x" * 129, "test")):
            answer = request("/", headers={"x-request-id": given})
            self.assertEqual(answer.header("x-request-id"), id)
        around(timing())
        self.assertRegex(request("/").header("server-timing") or "", r"^total;dur=[0-9]+\.[0-9]{3}$")


if __name__ == "__main__":
    unittest.main()
