import json
import re
import sys
import urllib.request

from lithe_sdk import Event, Hooks, HttpError, Message, Outcome, Response, Socket, hooks, set_timer


def misbehave() -> None:
    raise RuntimeError("as told")


class Endless:
    """Calls itself without an end, each method by another part of the interpreter."""

    def call(self) -> object:
        return self.call()

    def map(self) -> object:
        return list(map(lambda _: self.map(), [0]))

    def sort(self) -> object:
        return sorted([1, 2], key=lambda _: str(self.sort()))

    def replace(self) -> object:
        return re.sub("x", lambda _: str(self.replace()), "x")

    def construct(self) -> object:
        return type("Again", (), {"__init__": lambda _: self.construct()})()

    def text(self) -> object:
        return str(self)

    def __repr__(self) -> str:
        return f"{[self]!r}"

    def attribute(self) -> object:
        return self.missing

    def __getattr__(self, name: str) -> object:
        return getattr(self, name + "x")

    def parse(self) -> object:
        return json.loads("[" * 100_000 + "]" * 100_000)

    def source(self) -> object:
        return eval("(" * 5_000 + "1" + ")" * 5_000)


def depth(calls: int) -> int:
    """Calls itself so many times."""
    return 1 + depth(calls - 1) if calls else 0


ENDLESS = "call map sort replace construct text attribute parse source".split()


@hooks
class Faulty(Hooks):
    answered = 0

    def upgrade(self, event: Event) -> Outcome:
        if event.is_upgrade_request:
            return event.upgrade()
        how = event.query.get("how", [""])[0]
        if how == "fail":
            misbehave()
        if how == "exit":
            sys.exit("as told")
        if how == "teapot":
            raise HttpError(418, "short and stout")
        if how == "stream":
            return event.stream(203, [("content-type", "text/plain")])
        if how == "fetch":
            with urllib.request.urlopen("http://example.com/") as answer:
                return Response.text(answer.read().decode())
        if how == "import":
            import wave

            return Response.text(wave.__name__)
        if how in ENDLESS:
            return Response.text(str(getattr(Endless(), how)()))
        if how == "deep":
            return Response.text(str(depth(900)))
        if how == "count":
            self.answered += 1
            return Response.text(str(self.answered))
        if how == "print":
            print("printed without an end", end="")
        return Response.text("fine")

    def open(self, socket: Socket) -> None:
        assert socket.event is not None
        if socket.event.query.get("how") == ["stream"]:
            socket.send("one, ")
            socket.send(b"two")
            socket.close()

    def timer(self, timer: int) -> None:
        self.sleeper.send("slept")

    def message(self, socket: Socket, message: Message) -> None:
        if message.data == "sleep":
            self.sleeper = socket
            set_timer(0.02)
            return
        if message.data == "fail":
            misbehave()
        socket.send(message)
