"""An app whose sockets have blocking sessions: see `tests/src/conformance/loops.rs`."""

from __future__ import annotations

from collections.abc import Callable

from lithe_sdk import App, Event, HttpError, Next, Outcome, Response, Socket


def mark(name: str) -> Callable[[Event, Next], Outcome]:
    def middleware(event: Event, next: Next) -> Outcome:
        try:
            return next().add_header("x-order", name)
        except HttpError as error:
            error.add_header("x-order", name)
            raise

    return middleware


app = App(middleware=[mark("app")])
rooms = app.group("/rooms", middleware=[mark("rooms")])
count = 0


@app.get("/plain")
def plain(event: Event) -> Response:
    return Response.text("plain")


@app.get("/count")
def counts(event: Event) -> Response:
    return Response.text("counts")


@app.session("/count")
def counting(socket: Socket) -> None:
    global count
    for message in socket:
        if message.text() == "end":
            return
        if message.text() == "fail":
            raise RuntimeError("as told")
        count += 1
        socket.send(str(count))


@rooms.get("/:id/members")
def members(event: Event) -> Response:
    return Response.text(f"members of {event.param('id')}")


def enter(event: Event) -> Outcome:
    if event.param("id") == "closed":
        raise HttpError(403, "this room is closed")
    return event.upgrade(protocols=["chat"])


@rooms.session("/:id", handler=enter)
def room(socket: Socket) -> None:
    assert socket.event is not None
    socket.send(f"room {socket.event.param('id')}")
    for message in socket:
        socket.send(message)
