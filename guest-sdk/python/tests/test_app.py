"""Apps over the host that `lithe_sdk.testing` plays."""

from __future__ import annotations

import io
import unittest
from contextlib import redirect_stderr

from lithe_sdk import App, Event, Group, Hooks, HttpError, Message, Next, Outcome, Response, Socket, hooks
from lithe_sdk import _entry
from lithe_sdk._build import Unfit, exports
from lithe_sdk._component import component
from lithe_sdk._hooks import defines
from lithe_sdk._pattern import canonical
from lithe_sdk.testing import connect, request, reset


class Apps(unittest.TestCase):
    def setUp(self) -> None:
        component.clear()
        reset()
        self.app = App()

    def test_a_route_is_chosen_by_pattern_and_method(self) -> None:
        @self.app.get("/item/:id")
        async def item(event: Event) -> Response:
            return Response.json({"id": event.param("id", int)})

        @self.app.any("/item/special")
        def special(event: Event) -> Response:
            return Response.text(f"{event.method} {event.route}")

        self.assertEqual(request("/item/42").body, '{"id":42}')
        self.assertEqual(request("/item/x").body, "parameter `id` is `x`: not an integer")
        self.assertEqual(request("/item/special", "PUT").body, "PUT /item/special")
        self.assertEqual(request("/item/1", "HEAD").status, 200)
        refused = request("/item/1", "POST")
        self.assertEqual((refused.status, refused.header("allow")), (405, "GET, HEAD"))
        self.assertEqual(request("/nowhere").status, 404)
        self.assertEqual(
            list(self.app.routes()), [("GET", "/item/:id"), (None, "/item/special")]
        )

    def test_middleware_is_the_broadest_first_and_errors_go_outward(self) -> None:
        order: list[str] = []

        def named(name: str, next: Next) -> Outcome:
            order.append(name)
            return next()

        def reserved(event: Event, error: HttpError) -> Response | None:
            return Response.text("inner") if error.status == 409 else None

        api = Group(
            "/api",
            middleware=[lambda event, next: named("group", next)],
            error_handlers=[reserved],
        )

        @api.get("/:status")
        def fail(event: Event) -> Response:
            raise HttpError(event.param("status", int), "as told")

        self.app.include(api)

        @self.app.middleware
        def outer(event: Event, next: Next) -> Outcome:
            return named("app", next)

        @self.app.error_handler
        def caught(event: Event, error: HttpError) -> Response:
            return Response.text(f"outer: {error}", error.status)

        self.assertEqual(request("/api/409").body, "inner")
        self.assertEqual(order, ["app", "group"])
        self.assertEqual(request("/api/418").body, "outer: 418 as told")

    def test_a_failure_of_an_error_handler_is_the_next_one_s(self) -> None:
        @self.app.error_handler
        def first(event: Event, error: HttpError) -> Response:
            raise RuntimeError("secret")

        @self.app.error_handler
        def second(event: Event, error: HttpError) -> Response:
            return Response.text(str(error), error.status)

        @self.app.get("/")
        def fail(event: Event) -> Response:
            raise HttpError(404, "not here")

        with redirect_stderr(io.StringIO()) as log:
            answer = request("/")
        self.assertEqual((answer.status, answer.body), (500, "500 Internal Server Error"))
        self.assertIn("RuntimeError: secret", log.getvalue())
        self.assertNotIn("lithe_sdk", log.getvalue())

    def test_a_handler_that_returns_nothing_is_told_so_without_the_sdk_s_frames(self) -> None:
        @self.app.get("/nothing")
        def nothing(event: Event) -> Response:
            return None  # type: ignore[return-value]

        with redirect_stderr(io.StringIO()) as log:
            self.assertEqual(request("/nothing").status, 500)
        said = "TypeError: a handler or a middleware of `GET /nothing` has returned nothing: return"
        self.assertTrue(log.getvalue().startswith(said), log.getvalue())
        self.assertEqual(log.getvalue().count("\n"), 1)

    def test_each_route_s_sockets_have_their_hooks(self) -> None:
        @self.app.websocket("/upper/:name")
        class Upper(Hooks):
            def message(self, socket: Socket, message: Message) -> None:
                socket.send(message.text().upper())

            def close(self, socket: Socket, info: object) -> None:
                closed.append(socket.id)

        class Lower(Hooks):
            async def message(self, socket: Socket, message: Message) -> None:
                socket.send(message.text().lower())

        closed: list[int] = []
        self.app.group("/deep").add_hooks("/lower", Lower())
        upper, lower = connect("/upper/a"), connect("/deep/lower")
        upper.send("Hi")
        lower.send("Hi")
        self.assertEqual((upper.sent, lower.sent), (["HI"], ["hi"]))
        upper.close()
        lower.close()
        self.assertEqual(len(closed), 1)
        self.assertEqual(request("/upper/a").status, 426)
        self.assertFalse(defines(Lower(), "resume"))

    def test_each_route_s_sockets_have_their_session(self) -> None:
        def enter(event: Event) -> Outcome:
            if event.param("name") == "closed":
                raise HttpError(403, "closed")
            return event.upgrade()

        @self.app.group("/deep").session("/:name", handler=enter)
        def upper(socket: Socket) -> None:
            assert socket.event is not None
            socket.send(socket.event.param("name"))
            for message in socket:
                socket.send(message.text().upper())

        @self.app.session("/lower")
        async def lower(socket: Socket) -> None:
            for message in socket:
                socket.send(message.text().lower())

        @self.app.get("/lower")
        def page(event: Event) -> Outcome:
            return event.upgrade() if event.is_upgrade_request else Response.text("a page")

        one, other = connect("/deep/a"), connect("/lower")
        one.send("Hi")
        other.send("Hi")
        self.assertEqual((one.sent, other.sent), (["a", "HI"], ["hi"]))
        self.assertEqual(request("/lower").body, "a page")
        self.assertEqual(request("/deep/a").status, 426)
        with self.assertRaisesRegex(HttpError, "closed"):
            connect("/deep/closed")
        self.assertEqual(exports("app", "session"), ["routes"])
        with self.assertRaisesRegex(Unfit, 'is of the kind "session"'):
            exports("app", "hooks")
        self.app.save(lambda: 0)
        self.app.restore(lambda saved: None)
        with self.assertRaisesRegex(Unfit, "each session has a memory of its own"):
            exports("app", "session")
        self.app.add_hooks("/hooks", Hooks())
        self.app._slots = None
        with self.assertRaisesRegex(Unfit, "the app has hooks .* and sessions"):
            exports("app", "session")

    def test_what_is_wrong_with_an_app_is_said(self) -> None:
        class Keeps(Hooks):
            def save(self) -> int:
                return 0

        with self.assertRaisesRegex(TypeError, "register it by `@app.save`"):
            self.app.websocket("/")(Keeps)
        with self.assertRaisesRegex(ValueError, "two of `app`"):
            App()
        self.app.get("/a/")(lambda event: Response.text("one"))
        self.app.group("a").get("")(lambda event: Response.text("other"))
        with self.assertRaisesRegex(ValueError, "two routes for GET of `/a`"):
            list(self.app.routes())

    def test_a_method_that_is_meant_as_a_hook_is_refused(self) -> None:
        def method(self: Hooks, *_: object) -> None: ...

        for name, words in (
            ("mesage", "is `message` meant"),
            ("mesasge", "is `message` meant"),
            ("closed", "is `close` meant"),
            ("drian", "is `drain` meant"),
            ("restor", "is `restore` meant"),
            ("on_message", "is `message` meant"),
            ("onOpen", "is `open` meant"),
            ("request", "`event.is_upgrade_request` tells them apart"),
            ("error", "the log has the traceback"),
        ):
            chat = type("Chat", (Hooks,), {name: method})
            for register in (hooks, self.app.websocket("/")):
                with self.assertRaisesRegex(TypeError, f"`Chat` has `{name}`, .* {words}") as raised:
                    register(chat)
                self.assertIn("`close`, `drain`, `message`", str(raised.exception))
        with self.assertRaisesRegex(TypeError, "class Plain\\(Hooks\\)"):
            self.app.websocket("/")(type("Plain", (), {"message": method}))

        class Helped(Hooks):
            closed = 0

            def _mesage(self) -> None: ...

            def broadcast(self) -> None: ...

            @property
            def opened(self) -> int:
                return 0

        self.app.websocket("/")(Helped)
        self.assertEqual(connect("/").sent, [])

    def test_a_pattern_has_one_spelling(self) -> None:
        for pattern, spelling in (
            ("", "/"),
            ("rooms//:id/", "/rooms/:id"),
            ("/a/:id(\\d+|a/b)/c", "/a/:id(\\d+|a/b)/c"),
            ("/files/:name.:ext", "/files/:name.:ext"),
            ("/a-:path+", "/a-:path+"),
            ("/a/**:rest", "/a/**:rest"),
        ):
            self.assertEqual(canonical(pattern), spelling)
        for pattern in ("/:", "/:1a", "/:id(\\d+", "/:id/:id", "/:path+/x", "/**/x", "/**:a-b"):
            with self.assertRaises(ValueError, msg=pattern):
                canonical(pattern)

    def test_paths_match_as_on_a_host(self) -> None:
        def told(event: Event) -> Response:
            return Response.json([event.route, event.params])

        for pattern in ("/:id(\\d+)", "/:name", "/a", "/f/:path+", "/v:major.:minor", "/o/:x?"):
            self.app.get(pattern)(told)
        for path, answer in (
            ("/7", '["/:id(\\\\d+)",{"id":"7"}]'),
            ("/b", '["/:name",{"name":"b"}]'),
            ("/a", '["/a",{}]'),
            ("/f/x/y", '["/f/:path+",{"path":"x/y"}]'),
            ("/v1.2", '["/v:major.:minor",{"major":"1","minor":"2"}]'),
            ("/o/1", '["/o/:x?",{"x":"1"}]'),
        ):
            self.assertEqual(request(path).body, answer)

    def test_a_socket_whose_route_is_gone_is_failed(self) -> None:
        class Echo(Hooks):
            def message(self, socket: Socket, message: Message) -> None:
                socket.send(message)

            def resume(self, socket: Socket) -> None:
                socket.send("resumed")

        self.app.add_hooks("/a", Echo())
        self.app.add_hooks("/b", Echo())
        gone, silent, kept = connect("/a"), connect("/a"), connect("/b")
        component.clear()
        App().add_hooks("/b", Echo())
        for client in (gone, kept):
            _entry.Resume().resume(client._socket.id)
        silent.send("hello")
        self.assertEqual(kept.sent, ["resumed"])
        reason = "no hooks of this version hear this socket"
        self.assertEqual((gone.closed, silent.closed), ((1011, reason), (1011, reason)))


if __name__ == "__main__":
    unittest.main()
