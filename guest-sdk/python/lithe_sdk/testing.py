"""Calls the component that a module defines as the host would, for unit tests without a network.

    import app
    from lithe_sdk.testing import connect, request

    def test_hello():
        assert request("/").status == 200

    def test_echo():
        client = connect("/")
        client.send("hello")
        assert client.sent == ["hello"]

Time stands still until `advance`. Environment variables are those of `os.environ`:
`unittest.mock.patch.dict` sets one for a test.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any
from urllib.parse import unquote

from . import _entry, _match, _played, _state
from ._component import component
from ._outcome import Headers, HttpError, Response

__all__ = ["Client", "advance", "connect", "health", "request", "reset", "restore", "save", "swap"]


class _Event:
    """A request as the host has it."""

    def __init__(
        self,
        method: str,
        uri: str,
        headers: dict[str, str],
        params: dict[str, str],
        body: bytes,
        protocols: list[str] | None,
    ) -> None:
        self._method, self._uri, self._headers = method, uri, headers
        self._body = body
        self._locals: dict[str, str] = {}
        self.asks_for_upgrade = protocols is not None
        self.protocols = protocols or []
        self._route, matched = self._matched()
        self._params = {**matched, **params}

    def _matched(self) -> tuple[str, dict[str, str]]:
        """The app's route, and its parameters. For a component without routes, it is the path."""
        if component.app is None:
            return self.path(), {}
        routes = list(component.app.routes())
        found = _match.route([pattern for _, pattern in routes], self.path())
        if found is None:
            raise HttpError(404, "not found")
        takes = {method for method, pattern in routes if pattern == found[0]}
        takes |= {"HEAD"} if "GET" in takes else set()
        if None not in takes and self._method not in takes:
            allow = ", ".join(sorted(method for method in takes if method is not None))
            raise HttpError(405, "method not allowed", {"allow": allow})
        return found

    def id(self) -> str:
        return "test"

    def method(self) -> str:
        return self._method

    def uri(self) -> str:
        return self._uri

    def path(self) -> str:
        return unquote(self._uri.partition("?")[0])

    def query(self) -> str | None:
        _, mark, query = self._uri.partition("?")
        return query if mark else None

    def scheme(self) -> str:
        return "http"

    def authority(self) -> str:
        return self.header("host") or "localhost"

    def headers(self) -> Headers:
        return [(name.lower(), value) for name, value in self._headers.items()]

    def header(self, name: str) -> str | None:
        return dict(self.headers()).get(name.lower())

    def route(self) -> str:
        return self._route

    def params(self) -> list[tuple[str, str]]:
        return list(self._params.items())

    def param(self, name: str) -> str | None:
        return self._params.get(name)

    def client_address(self) -> str:
        return "127.0.0.1:1"

    def body(self) -> bytes:
        return self._body

    def local(self, key: str) -> str | None:
        return self._locals.get(key)

    def set_local(self, key: str, value: str) -> None:
        self._locals[key] = value

    def rest(self) -> Any:
        """The rest of the chain, for a middleware: an empty 200."""
        return _played.outcome.Outcome_Response(_played.http.Response(200, [], _played.http.Body_Empty()))


def _outcome(event: _Event) -> Any:
    entry: Any = _entry.Handler() if component.middleware is None else _entry.Middleware()
    try:
        return entry.handle(event).value
    except _played.Err as error:
        failure = error.value
        raise HttpError(failure.status, failure.message, failure.headers) from None


def request(
    uri: str,
    method: str = "GET",
    *,
    headers: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
    body: str | bytes = b"",
) -> Response:
    """Makes a request, and returns its answer. A failure is a response, too, with its message as
    the body. A streamed body is what has been sent by now: `advance` goes on with it."""
    content = body.encode() if isinstance(body, str) else body
    try:
        made = _outcome(_Event(method, uri, headers or {}, params or {}, content, None))
    except HttpError as error:
        return Response(error.status, error.headers, error.message)
    if isinstance(made, _played.streams.Started):
        return Response(made.status, made.headers, _streamed(made.socket))
    return Response(made.status, made.headers, getattr(made.body, "value", b""))


def _streamed(id: int) -> bytes:
    socket = _played.host.sockets[id]
    socket.state = _played.ReadyState.OPEN
    _open(id)
    for _ in range(_PATIENCE):
        if socket.closed is not None or not _played.host.timers:
            break
        advance(_PAUSE)
    if socket.closed is not None and not component.is_of_sessions:
        _entry.Hooks().close(id, _played.socket.CloseInfo(*socket.closed, True))
    return b"".join(p.encode() if isinstance(p, str) else p for p in socket.sent)


# How long a streamed body may take, by the played host's clock: a minute.
_PAUSE = 0.01
_PATIENCE = 6000


def _open(id: int) -> None:
    if not component.is_of_sessions:
        _entry.Hooks().open(id)
    elif _played.host.sockets[id].is_stream:
        _entry.Session().run(id)


class Client:
    """The client's end of a socket that the component has accepted."""

    def __init__(self, socket: _played.PlayedSocket, headers: Headers) -> None:
        self._socket = socket
        self.headers = headers

    @property
    def protocol(self) -> str | None:
        """The protocol that the component chose."""
        return self._socket.protocol

    @property
    def sent(self) -> list[str | bytes]:
        """The messages that the component has sent."""
        return self._socket.sent

    @property
    def closed(self) -> tuple[int, str] | None:
        """The code and the reason, if the component has closed the socket."""
        return self._socket.closed

    def send(self, *messages: str | bytes) -> None:
        """Sends messages to the component. A session runs at once, with these messages, and ends
        after them."""
        host = _played.socket
        made = [
            host.Message_Text(m) if isinstance(m, str) else host.Message_Binary(m) for m in messages
        ]
        if not component.is_of_sessions:
            _entry.Hooks().receive(self._socket.id, made)
        else:
            self._socket.received = made
            _entry.Session().run(self._socket.id)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes the socket from the client's side."""
        self._socket.state = _played.ReadyState.CLOSED
        if not component.is_of_sessions:
            _entry.Hooks().close(self._socket.id, _played.socket.CloseInfo(code, reason, True))


def connect(
    uri: str,
    *,
    headers: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
    protocols: list[str] | None = None,
) -> Client:
    """Opens a socket. Raises `HttpError` if the component refuses."""
    accepted = _outcome(_Event("GET", uri, headers or {}, params or {}, b"", protocols or []))
    if not isinstance(accepted, _played.ws.Accepted):
        raise HttpError(accepted.status, "the component has answered instead of upgrading")
    socket = _played.host.sockets[accepted.socket]
    socket.state = _played.ReadyState.OPEN
    _open(socket.id)
    return Client(socket, accepted.headers)


def advance(seconds: float) -> None:
    """Lets time pass: timers are due, and what sleeps goes on."""
    host = _played.host
    end = host.now + int(seconds * 1000)
    while True:
        due = [(timer.due, id) for id, timer in host.timers.items() if timer.due <= end]
        if not due:
            break
        host.now, id = min(due)
        timer = host.timers[id]
        if timer.every is None:
            del host.timers[id]
        else:
            timer.due += timer.every
        _entry.Hooks().timer(id)
    host.now = end


def save() -> bytes:
    """What the component saves when another version takes over. Raises `ValueError` if it cannot."""
    try:
        return _entry.State().save()
    except _played.Err as error:
        raise ValueError(error.value) from None


def restore(saved: bytes) -> None:
    """Restores what another instance has saved. Raises `ValueError` if the component refuses."""
    try:
        _entry.State().restore(saved)
    except _played.Err as error:
        raise ValueError(error.value) from None


def health() -> str | None:
    """Asks the component whether it may serve: the reason why it may not."""
    try:
        _entry.Health().check()
    except _played.Err as error:
        return str(error.value)
    return None


def swap(module: str) -> None:
    """Imports a module as the next version of the component, which takes over: it restores what
    the version before has saved, and hears of its sockets. The module may be the same. Timers end,
    and pinned sockets stay with the version before, which is gone here: they close with 1012."""
    saved = save() if _state.functions() is not None else None
    sys.modules.pop(module, None)
    component.clear()
    importlib.import_module(module)
    _played.host.timers.clear()
    if saved is not None and _state.functions() is not None:
        restore(saved)
    for socket in list(_played.host.sockets.values()):
        if socket.state != _played.ReadyState.OPEN:
            continue
        if socket.pinned:
            socket.state, socket.closed = _played.ReadyState.CLOSED, (1012, "")
        else:
            _entry.Resume().resume(socket.id)


def reset() -> None:
    """Forgets the sockets and timers of the tests before. What the component has in its memory
    stays."""
    _played.host.clear()
