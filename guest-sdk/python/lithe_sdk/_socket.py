"""Sockets and the messages on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Union

from . import _host
from ._event import Event
from ._json import PARSED, from_json, json_bytes, to_json, too_large
from ._text import well_formed
from ._timers import milliseconds


@dataclass(frozen=True)
class CloseInfo:
    """How a session ended. The code is 1005 if the peer gave none, and 1006 if the connection was
    lost."""

    code: int
    reason: str
    clean: bool


@dataclass(frozen=True)
class Message:
    """A message of a peer."""

    data: str | bytes

    @property
    def is_binary(self) -> bool:
        """Whether it came as bytes."""
        return isinstance(self.data, bytes)

    def text(self) -> str:
        """The message as text. Bytes that are not UTF-8 become replacement characters."""
        return self.data.decode(errors="replace") if isinstance(self.data, bytes) else self.data

    def bytes(self) -> bytes:
        """The message as bytes. Text is written as UTF-8."""
        return self.data if isinstance(self.data, bytes) else self.data.encode()

    def json(self, *, limit: int = PARSED) -> Any:
        """The message as JSON. Raises `ValueError` if it is not JSON, or has more bytes than the
        limit: without one, 128 KiB."""
        if len(self.bytes()) > limit:
            raise ValueError(too_large("message", limit, "json(limit=…)"))
        return from_json(self.data)


Sendable = Union[str, bytes, Message]


class SendError(Exception):
    """A message or an attachment that the host did not take: see the classes below."""

    def __init__(self, socket: Socket, why: str) -> None:
        super().__init__(why)
        self.socket = socket


class Closed(SendError):
    """The socket is gone, or closing."""


class TooLarge(SendError):
    """It is larger than the site's limit."""


class QueueFull(SendError):
    """The outbound queue is full. `Hooks.drain` is called once it has emptied."""


class TimedOut(Exception):
    """The time was up before a message came."""


class Socket:
    """An open socket: a number that the host knows. Sockets are equal if their numbers are."""

    __slots__ = ("id",)

    def __init__(self, id: int) -> None:
        self.id = id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Socket) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"Socket({self.id})"

    def send(self, message: Sendable) -> None:
        """Queues a message, and never blocks. Raises `SendError`."""
        try:
            _host.socket.send(self.id, to_host(message))
        except _host.Err as error:
            raise self._refused(error.value) from None

    def send_json(self, value: Any) -> None:
        """Queues a value as JSON. Raises `SendError`, and `TypeError` if the value has no JSON
        form."""
        self.send(to_json(value))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes the socket after what is queued.

        Raises `ValueError`, and leaves the socket as it is, if the code is not 1000 or 3000 to
        4999, or if the reason is over 123 bytes.
        """
        if not 0 <= code <= 0xFFFF:
            raise ValueError(f"{code} is not a close code: use 1000 or 3000 to 4999")
        try:
            _host.socket.close(self.id, code, well_formed(reason))
        except _host.Err as error:
            if isinstance(error.value, _host.socket.CloseError_InvalidCode):
                raise ValueError(f"{code} is not a close code: use 1000 or 3000 to 4999") from None
            raise ValueError("the reason is over 123 bytes: shorten it") from None

    def fail(self, reason: str) -> None:
        """Closes the socket with 1011, because its session failed. The reason goes to the log and
        not to the peer."""
        _host.socket.fail(self.id, well_formed(reason))

    def terminate(self) -> None:
        """Drops the connection without a close frame."""
        _host.socket.terminate(self.id)

    @property
    def is_open(self) -> bool:
        """Whether the handshake is complete and nobody has asked for a close."""
        return bool(_host.socket.state(self.id) == _host.socket.ReadyState.OPEN)

    @property
    def protocol(self) -> str | None:
        """The protocol that the handshake chose."""
        protocol: str | None = _host.socket.protocol(self.id)
        return protocol

    @property
    def buffered_amount(self) -> int:
        """How many bytes are queued and not yet handed to the network."""
        return int(_host.socket.buffered_amount(self.id))

    @property
    def event(self) -> Event | None:
        """The handshake's request, or `None` once the session is over."""
        handle = _host.socket.event_of(self.id)
        return None if handle is None else Event(handle)

    @property
    def attachment(self) -> bytes:
        """The bytes that the host keeps with the socket, also for the next version."""
        return bytes(_host.socket.attachment(self.id))

    @attachment.setter
    def attachment(self, value: bytes) -> None:
        try:
            _host.socket.set_attachment(self.id, value)
        except _host.Err as error:
            raise self._refused(error.value) from None

    @property
    def context(self) -> Any:
        """The attachment as JSON, or `None` if it is empty. Setting it raises `SendError`, and
        `TypeError` if the value has no JSON form."""
        attachment = self.attachment
        return from_json(attachment) if attachment else None

    @context.setter
    def context(self, value: Any) -> None:
        self.attachment = b"" if value is None else json_bytes(value)

    def subscribe(self, topic: str) -> None:
        """Subscribes to a topic. Raises `ValueError` if the socket cannot subscribe."""
        try:
            _host.topics.subscribe(self.id, well_formed(topic))
        except _host.Err as error:
            raise ValueError(f"cannot subscribe to {topic!r}: {_why(error.value)}") from None

    def unsubscribe(self, topic: str) -> None:
        """Ends the subscription, if there is one."""
        _host.topics.unsubscribe(self.id, well_formed(topic))

    @property
    def topics(self) -> list[str]:
        """The topics that the socket hears, in the order of their names."""
        return list(_host.topics.subscriptions(self.id))

    def publish(self, topic: str, message: Sendable) -> int:
        """Queues a message for every subscriber but this one, and returns for how many."""
        return int(_host.topics.publish(well_formed(topic), to_host(message), self.id))

    def receive(self, timeout: float | None = None) -> Message | None:
        """In a session, waits for a message. It is `None` when the session has ended.

        Raises `TimedOut` after so many seconds.
        """
        if _host.receiver is None:
            raise RuntimeError("only a `@session` can wait for a message")
        time = None if timeout is None else milliseconds(timeout)
        received = _host.receiver.receive(self.id, time)
        if isinstance(received, _host.receiver.Received_Message):
            return from_host(received.value)
        if isinstance(received, _host.receiver.Received_Closed):
            return None
        raise TimedOut

    def __iter__(self) -> Iterator[Message]:
        """In a session, the messages until the session has ended."""
        while (message := self.receive()) is not None:
            yield message

    def _refused(self, error: Any) -> SendError:
        """The contract's error as an exception."""
        refusal = {"Closed": Closed, "TooLarge": TooLarge, "QueueFull": QueueFull}
        return refusal[type(error).__name__.rpartition("_")[2]](self, _why(error))


def to_host(message: Sendable) -> Any:
    """A message as the contract has it."""
    data = message.data if isinstance(message, Message) else message
    if isinstance(data, str):
        return _host.socket.Message_Text(well_formed(data))
    return _host.socket.Message_Binary(bytes(data))


def from_host(message: Any) -> Message:
    """A message of the contract."""
    return Message(message.value)


def _why(error: Any) -> str:
    """The name of the contract's error in words, such as `queue full`."""
    name = type(error).__name__.rpartition("_")[2]
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return words.strip()
