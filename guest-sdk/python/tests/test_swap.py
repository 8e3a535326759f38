"""What outlives a version, what waits, and what the build finds out."""

from __future__ import annotations

import io
import struct
import sys
import unittest
from collections.abc import Awaitable, Callable
from contextlib import redirect_stderr
from types import ModuleType
from typing import Any

from lithe_sdk import App, CloseInfo, Event, Hooks, Message, Response, Socket
from lithe_sdk import cancel_timer, handler, health, hooks, publish, set_timer, sleep, spawn
from lithe_sdk import _batch, _build, _entry, _host
from lithe_sdk._component import component
from lithe_sdk.testing import advance, connect, request, reset, restore, save
from lithe_sdk.testing import health as reason
from lithe_sdk.testing import swap


class Alone(unittest.TestCase):
    def setUp(self) -> None:
        component.clear()
        reset()


class State(Alone):
    def test_json_moves_and_adds(self) -> None:
        @hooks
        class Counts(Hooks):
            count = 1

            def save(self) -> int:
                return self.count

            def restore(self, saved: int) -> None:
                self.count += saved

        self.assertEqual(save(), b"1")
        restore(b"41")
        self.assertEqual(save(), b"42")
        with redirect_stderr(io.StringIO()), self.assertRaisesRegex(ValueError, "is not JSON"):
            restore(b"{")

    def test_bytes_move_as_they_are(self) -> None:
        app = App()
        kept = bytearray(b"\x00\xff")
        app.save(lambda: kept)

        @app.restore
        def take(saved: bytes) -> None:
            kept.extend(saved)

        restore(save())
        self.assertEqual(kept, b"\x00\xff\x00\xff")
        app.restore(lambda saved: None)
        with redirect_stderr(io.StringIO()), self.assertRaisesRegex(ValueError, "saved: bytes"):
            save()

    def test_what_cannot_be_saved_says_why(self) -> None:
        app = App()

        @app.save
        def fail() -> int:
            raise RuntimeError("a game is being played")

        app.restore(lambda saved: None)
        log = io.StringIO()
        with redirect_stderr(log), self.assertRaisesRegex(ValueError, "a game is being played"):
            save()
        self.assertIn("RuntimeError", log.getvalue())

    def test_what_could_not_be_restored_is_not_saved(self) -> None:
        app = App()
        tree: list[Any] = []
        app.save(lambda: tree)
        app.restore(lambda saved: tree.append(saved))
        for _ in range(127):
            tree = [tree]
        restore(save())
        tree = [tree]
        with redirect_stderr(io.StringIO()), self.assertRaisesRegex(ValueError, "more than 128 levels"):
            save()

    def test_a_new_version_has_the_sockets(self) -> None:
        def version() -> ModuleType:
            @hooks
            class Votes(Hooks):
                votes = 0

                def message(self, socket: Socket, message: Message) -> None:
                    self.votes += 1
                    socket.send(str(self.votes))

                def resume(self, socket: Socket) -> None:
                    socket.send(f"resumed {socket.context}")

                def upgrade(self, event: Event) -> Any:
                    return event.upgrade(context="Ann", pinned=event.uri == "/pinned")

                def save(self) -> int:
                    return self.votes

                def restore(self, saved: int) -> None:
                    self.votes += saved

            return ModuleType("version")

        class Finder:
            def find_spec(self, name: str, path: object, target: object = None) -> Any:
                from importlib.machinery import ModuleSpec

                return ModuleSpec(name, self) if name == "version" else None  # type: ignore[arg-type]

            def create_module(self, spec: object) -> ModuleType:
                return version()

            def exec_module(self, module: ModuleType) -> None:
                pass

        finder = Finder()
        sys.meta_path.insert(0, finder)
        self.addCleanup(sys.meta_path.remove, finder)
        version()
        client, pinned = connect("/"), connect("/pinned")
        client.send("a")
        swap("version")
        client.send("b")
        self.assertEqual(client.sent, ["1", "resumed Ann", "2"])
        self.assertEqual((pinned.sent, pinned.closed), ([], (1012, "")))

    def test_a_health_check_has_a_reason(self) -> None:
        sick: list[str] = []

        @health
        async def check() -> None:
            if sick:
                raise RuntimeError(f"sick: {sick[0]}")

        self.assertIsNone(reason())
        sick.append("cold")
        with redirect_stderr(io.StringIO()):
            self.assertEqual(reason(), "sick: cold")


class Tasks(Alone):
    def test_a_sleep_holds_up_nobody(self) -> None:
        @hooks
        class Slow(Hooks):
            async def message(self, socket: Socket, message: Message) -> None:
                if message.data == "sleep":
                    await sleep(1)
                if message.data == "fail":
                    await sleep(1)
                    raise RuntimeError("as told")
                socket.send(message)

        one, other = connect("/"), connect("/")
        one.send("sleep", "awake")
        self.assertEqual(one.sent, ["awake"])
        advance(0.5)
        self.assertEqual(one.sent, ["awake"])
        advance(0.5)
        self.assertEqual(one.sent, ["awake", "sleep"])
        other.send("fail")
        one.send("sleep")
        one.close()
        with redirect_stderr(io.StringIO()) as log:
            advance(1)
        self.assertEqual(other.closed, (1011, "RuntimeError: as told"))
        self.assertEqual(len(one.sent), 2)
        self.assertIn("RuntimeError: as told", log.getvalue())

    def test_an_answer_cannot_sleep(self) -> None:
        @handler
        async def slow(event: Event) -> Response:
            await sleep(1)
            return Response.text("late")

        with redirect_stderr(io.StringIO()) as log:
            self.assertEqual(request("/").status, 500)
        self.assertIn("the host waits for this: it cannot `sleep`", log.getvalue())

    def test_what_awaits_another_loop_is_told(self) -> None:
        class Elsewhere:
            def __await__(self) -> Any:
                yield "a future of asyncio's"

        async def wait() -> None:
            await Elsewhere()

        with redirect_stderr(io.StringIO()) as log:
            spawn(wait())
        self.assertIn("there is no event loop", log.getvalue())

    def test_timers_call_back(self) -> None:
        heard: list[str] = []

        def hear(word: str) -> Callable[[], None]:
            return lambda: heard.append(word)

        async def later() -> None:
            await sleep(0.1)
            heard.append("later")

        set_timer(0.05, hear("once"))
        every = set_timer(0.1, hear("every"), repeat=True)
        set_timer(0.1, later)
        advance(0.2)
        cancel_timer(every)
        advance(1)
        self.assertEqual(heard, ["once", "every", "every", "later"])


class Batches(Alone):
    def test_each_socket_has_its_turn_with_all_its_messages(self) -> None:
        @hooks
        class Echo(Hooks):
            def message(self, socket: Socket, message: Message) -> None:
                if message.data == "fail":
                    raise RuntimeError("as told")
                socket.send(message)

        one, other = connect("/"), connect("/")

        def packed(*messages: tuple[int, str | bytes]) -> bytes:
            parts = b""
            for socket, data in messages:
                payload = data.encode() if isinstance(data, str) else data
                parts += struct.pack("<II", socket, len(payload) * 2 + isinstance(data, bytes))
                parts += payload
            return parts

        with redirect_stderr(io.StringIO()):
            _entry.Batch().receive(packed((1, "a"), (1, "fail"), (1, "b"), (2, b"\xff"), (2, "é")))
        self.assertEqual((one.sent, one.closed), (["a"], (1011, "RuntimeError: as told")))
        self.assertEqual(other.sent, [b"\xff", "é"])
        whole = packed((1, "a"), (2, "bc"))
        for end in range(len(whole)):
            self.assertEqual(len(list(_batch.turns(whole[:end]))), int(end >= 9))


class Leaving(Alone):
    def test_a_peer_that_has_left_is_not_in_the_log(self) -> None:
        @hooks
        class Ticks(Hooks):
            def open(self, socket: Socket) -> None:
                set_timer(1, lambda: socket.send("tick"), repeat=True)

            def message(self, socket: Socket, message: Message) -> None:
                socket.terminate()
                socket.send("too late")

            def close(self, socket: Socket, info: CloseInfo) -> None:
                socket.send("too late")

        log = io.StringIO()
        with redirect_stderr(log):
            one, other = connect("/"), connect("/")
            advance(2.5)
            one.send("hi")
            other.close()
            advance(2)
        self.assertEqual((one.sent, other.sent), (["tick", "tick"], ["tick", "tick"]))
        self.assertEqual(log.getvalue(), "")


class Builds(Alone):
    def test_what_is_exported_follows_from_what_is_registered(self) -> None:
        @hooks
        class Plain(Hooks):
            def close(self, socket: Socket, info: CloseInfo) -> Awaitable[None] | None:
                return None

        self.assertEqual(_build.exports("app", "hooks"), ["batch"])
        component.clear()
        app = App()
        app.get("/")(lambda event: Response.text(""))
        self.assertEqual(_build.exports("app", "route"), ["routes"])
        app.save(lambda: 0)
        with self.assertRaisesRegex(_build.Unfit, "there is `save`, and no `restore`"):
            _build.exports("app", "hooks")
        app.restore(lambda saved: None)
        app.health(lambda: None)
        self.assertEqual(_build.exports("app", "hooks"), ["health", "routes", "state"])
        with self.assertRaisesRegex(_build.Unfit, "has memory to save"):
            _build.exports("app", "route")

    def test_there_is_no_host_to_call(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "at the top of a module"), _host.absent():
            publish("news", "hello")
        self.assertEqual(publish("news", "hello"), 0)

    def test_a_module_of_another_kind_is_told_which_it_is(self) -> None:
        with self.assertRaisesRegex(_build.Unfit, "has no `App`"):
            _build.exports("app", "hooks")
        handler(lambda event: Response.text(""))
        with self.assertRaisesRegex(_build.Unfit, 'of the kind "route".*not "session"'):
            _build.exports("app", "session")


if __name__ == "__main__":
    unittest.main()
