"""Sends the bodies of streamed responses."""

from __future__ import annotations

from collections.abc import AsyncIterable

from . import _host
from ._event import Event
from ._outcome import Pieces, Stream
from ._socket import QueueFull, Socket
from ._task import sleep

# Over so many bytes that wait for the client, a body is not asked for more.
_ENOUGH = 64 * 1024

# How long it waits then, in seconds.
_PAUSE = 0.01

# The bodies that have not begun, by the number of their socket, and the sockets of all bodies.
_bodies: dict[int, Pieces] = {}
_sockets: set[int] = set()


def start(stream: Stream, event: Event) -> Stream:
    """Tells the host of a stream that a handler has returned. What its body needs lies in this
    instance's memory, so it stays here when a new version takes over."""
    if stream.socket is not None:
        return stream
    started = event.stream(stream.status, stream.headers, pinned=True)
    assert started.socket is not None
    _bodies[started.socket] = stream.pieces
    _sockets.add(started.socket)
    return started


def body_of(socket: int) -> Pieces | None:
    """The body that the socket is for. It is answered once."""
    return _bodies.pop(socket, None) if _bodies else None


def has_ended(socket: int) -> bool:
    """Whether the socket that is gone was one of a body."""
    if socket not in _sockets:
        return False
    _sockets.discard(socket)
    _bodies.pop(socket, None)
    return True


async def send(socket: Socket, pieces: Pieces) -> None:
    """Sends a body, and ends it."""
    if isinstance(pieces, AsyncIterable):
        async for piece in pieces:
            await _send_piece(socket, piece)
    else:
        for piece in pieces:
            await _send_piece(socket, piece)
    socket.close()


async def _send_piece(socket: Socket, piece: str | bytes) -> None:
    while True:
        if _host.socket.buffered_amount(socket.id) <= _ENOUGH:
            try:
                return socket.send(piece)
            except QueueFull:
                # The site's own bound is smaller.
                pass
        await sleep(_PAUSE)
