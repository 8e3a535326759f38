"""Short messages of several sockets, in the format of `batch.receive`: see the contract."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from ._socket import Message

_head = Struct("<II").unpack_from
_HEAD = 8


def turns(packed: bytes) -> Iterator[tuple[int, list[Message]]]:
    """The sockets, one after the other, each with its messages. What is cut off is not a message."""
    at, end = 0, len(packed) - _HEAD
    turn: int | None = None
    messages: list[Message] = []
    while at <= end:
        socket, length = _head(packed, at)
        start = at + _HEAD
        at = start + (length >> 1)
        payload = packed[start:at]
        if len(payload) < length >> 1:
            break
        if socket != turn:
            if turn is not None:
                yield turn, messages
            turn, messages = socket, []
        # The host has checked that text is UTF-8.
        messages.append(Message(payload if length & 1 else payload.decode(errors="replace")))
    if turn is not None:
        yield turn, messages
