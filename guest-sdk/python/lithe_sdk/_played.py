"""Plays the host in unit tests, for `lithe_sdk.testing`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Any


class Err(Exception):
    """The exception that carries the contract's errors."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value


def _record(name: str, *fields: str) -> type:
    def init(self: Any, *values: Any) -> None:
        for field_name, value in zip(fields, values, strict=True):
            setattr(self, field_name, value)

    return type(name, (), {"__init__": init})


http = SimpleNamespace(
    HttpError=_record("HttpError", "status", "headers", "message"),
    Response=_record("Response", "status", "headers", "body"),
    Body_Text=_record("Body_Text", "value"),
    Body_Bytes=_record("Body_Bytes", "value"),
    Body_Empty=_record("Body_Empty"),
)
outcome = SimpleNamespace(
    Outcome_Response=_record("Outcome_Response", "value"),
    Outcome_Upgrade=_record("Outcome_Upgrade", "value"),
    Outcome_Streamed=_record("Outcome_Streamed", "value"),
)


class ReadyState(Enum):
    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


@dataclass
class PlayedSocket:
    """A socket as the played host keeps it."""

    id: int
    event: Any
    protocol: str | None
    attachment: bytes
    state: ReadyState = ReadyState.CONNECTING
    sent: list[str | bytes] = field(default_factory=list)
    received: list[Any] = field(default_factory=list)
    topics: set[str] = field(default_factory=set)
    closed: tuple[int, str] | None = None
    pinned: bool = False
    is_stream: bool = False


@dataclass
class PlayedTimer:
    """A timer, and when it is due, in milliseconds of the played host's clock."""

    due: int
    every: int | None


class PlayedHost:
    """The host, as a component sees it."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forgets every socket and timer."""
        self.sockets: dict[int, PlayedSocket] = {}
        self.timers: dict[int, PlayedTimer] = {}
        self.now = 0
        self.timers_set = 0

    def accept(self, event: Any, protocol: str | None, options: Any) -> PlayedSocket:
        id = len(self.sockets) + 1
        self.sockets[id] = PlayedSocket(
            id, event, protocol, options.attachment, pinned=options.pinned
        )
        return self.sockets[id]

    def live(self, id: int) -> PlayedSocket:
        socket = self.sockets.get(id)
        if socket is None or socket.state in (ReadyState.CLOSING, ReadyState.CLOSED):
            raise Err(_record("SendError_Closed")())
        return socket


host = PlayedHost()


def _upgrade(event: Any, options: Any) -> Any:
    error = http.HttpError
    if event.method() != "GET":
        raise Err(error(405, [("allow", "GET")], "only GET can be upgraded"))
    if not event.asks_for_upgrade:
        raise Err(error(426, [("upgrade", "websocket")], "this is for WebSockets"))
    if options.protocol is not None and options.protocol not in event.protocols:
        raise Err(error(500, [], "the protocol was not requested"))
    socket = host.accept(event, options.protocol, options)
    return ws.Accepted(socket.id, options.headers)


def _start(event: Any, options: Any) -> Any:
    accepted = host.accept(event, None, options)
    accepted.is_stream = True
    return streams.Started(accepted.id, options.status, options.headers)


ws = SimpleNamespace(
    UpgradeOptions=_record("UpgradeOptions", "protocol", "headers", "attachment", "pinned"),
    Accepted=_record("Accepted", "socket", "headers"),
    is_upgrade_request=lambda event: event.asks_for_upgrade,
    requested_protocols=lambda event: event.protocols,
    upgrade=_upgrade,
)
streams = SimpleNamespace(
    StreamOptions=_record("StreamOptions", "status", "headers", "attachment", "pinned"),
    Started=_record("Started", "socket", "status", "headers"),
    start=_start,
)


def _send(id: int, message: Any) -> None:
    host.live(id).sent.append(message.value)


def _close(id: int, code: int | None, reason: str) -> None:
    code = 1000 if code is None else code
    if code != 1000 and not 3000 <= code <= 4999:
        raise Err(socket.CloseError_InvalidCode(code))
    if len(reason.encode()) > 123:
        raise Err(socket.CloseError_ReasonTooLong())
    _end(id, code, reason)


def _end(id: int, code: int, reason: str) -> None:
    found = host.sockets.get(id)
    if found is not None and found.closed is None:
        found.state, found.closed = ReadyState.CLOSING, (code, reason)


def _set_attachment(id: int, value: bytes) -> None:
    host.live(id).attachment = value


def _state(id: int) -> ReadyState:
    return host.sockets[id].state if id in host.sockets else ReadyState.CLOSED


socket = SimpleNamespace(
    ReadyState=ReadyState,
    Message_Text=_record("Message_Text", "value"),
    Message_Binary=_record("Message_Binary", "value"),
    CloseError_InvalidCode=_record("CloseError_InvalidCode", "value"),
    CloseError_ReasonTooLong=_record("CloseError_ReasonTooLong"),
    CloseInfo=_record("CloseInfo", "code", "reason", "clean"),
    send=_send,
    close=_close,
    fail=lambda id, reason: _end(id, 1011, reason),
    terminate=lambda id: _end(id, 1006, ""),
    state=_state,
    protocol=lambda id: host.sockets[id].protocol,
    buffered_amount=lambda id: 0,
    event_of=lambda id: host.sockets[id].event if id in host.sockets else None,
    attachment=lambda id: host.sockets[id].attachment if id in host.sockets else b"",
    set_attachment=_set_attachment,
)


def _subscribers(topic: str | None) -> list[int]:
    open_ones = (one for one in host.sockets.values() if one.state == ReadyState.OPEN)
    if topic is None:
        return [one.id for one in open_ones if not one.is_stream]
    return [one.id for one in open_ones if topic in one.topics]


def _publish(topic: str, message: Any, not_to: int | None) -> int:
    heard = [id for id in _subscribers(topic) if id != not_to]
    for id in heard:
        _send(id, message)
    return len(heard)


topics = SimpleNamespace(
    subscribe=lambda id, topic: host.live(id).topics.add(topic),
    unsubscribe=lambda id, topic: host.live(id).topics.discard(topic),
    subscriptions=lambda id: sorted(host.live(id).topics),
    publish=_publish,
    members=_subscribers,
)


def _set_timer(milliseconds: int, repeat: bool) -> int:
    host.timers_set += 1
    every = max(1, milliseconds) if repeat else None
    host.timers[host.timers_set] = PlayedTimer(host.now + milliseconds, every)
    return host.timers_set


timers = SimpleNamespace(set=_set_timer, cancel=lambda id: host.timers.pop(id, None))
turn = SimpleNamespace(begin=lambda id: None)
routes = SimpleNamespace(Route=_record("Route", "method", "pattern"))


def _receive(id: int, timeout_ms: int | None) -> Any:
    found = host.sockets[id]
    if found.received and found.closed is None:
        return receiver.Received_Message(found.received.pop(0))
    return receiver.Received_Closed(socket.CloseInfo(1000, "", True))


receiver = SimpleNamespace(
    Received_Message=_record("Received_Message", "value"),
    Received_Closed=_record("Received_Closed", "value"),
    Received_TimedOut=_record("Received_TimedOut"),
    receive=_receive,
)
next = SimpleNamespace(run=lambda event: event.rest())
