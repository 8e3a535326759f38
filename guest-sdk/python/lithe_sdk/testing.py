"""Calls the component that a module defines as the host would, for unit tests without a network.

    import app
    from lithe_sdk.testing import connect, request

    def test_hello():
        assert request("/").status == 200

    def test_echo():
        client = connect("/")
        client.send("hello")
        assert client.sent == ["hello"]
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from . import _entry, _fake
from ._app import app
from ._outcome import Headers, HttpError, Response

__all__ = ["Client", "connect", "request"]


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
        self._params, self._body = params, body
        self._locals: dict[str, str] = {}
        self.asks_for_upgrade = protocols is not None
        self.protocols = protocols or []

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

    def headers(self) -> Headers:
        return [(name.lower(), value) for name, value in self._headers.items()]

    def header(self, name: str) -> str | None:
        return dict(self.headers()).get(name.lower())

    def route(self) -> str:
        return self.path()

    def params(self) -> list[tuple[str, str]]:
        return list(self._params.items())

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
        return _fake.outcome.Outcome_Response(_fake.http.Response(200, [], _fake.http.Body_Empty()))


def _outcome(event: _Event) -> Any:
    entry: Any = _entry.Handler() if app.middleware is None else _entry.Middleware()
    return entry.handle(event)


def request(
    uri: str,
    method: str = "GET",
    *,
    headers: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
    body: bytes = b"",
) -> Response:
    """Makes a request, and returns its answer. A failure is a response, too, with its message as
    the body."""
    event = _Event(method, uri, headers or {}, params or {}, body, None)
    try:
        made = _outcome(event).value
    except _fake.Err as error:
        failure = error.value
        return Response(failure.status, failure.headers, failure.message)
    return Response(made.status, made.headers, getattr(made.body, "value", b""))


class Client:
    """The client's end of a socket that the component has accepted."""

    def __init__(self, socket: _fake.FakeSocket, headers: Headers) -> None:
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
        host = _fake.socket
        made = [host.Message_Text(m) if isinstance(m, str) else host.Message_Binary(m) for m in messages]
        if app.session is None:
            _entry.Hooks().receive(self._socket.id, made)
        else:
            self._socket.received = made
            _entry.Session().run(self._socket.id)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes the socket from the client's side."""
        self._socket.state = _fake.ReadyState.CLOSED
        if app.session is None:
            _entry.Hooks().close(self._socket.id, _fake.socket.CloseInfo(code, reason, True))


def connect(
    uri: str,
    *,
    headers: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
    protocols: list[str] | None = None,
) -> Client:
    """Opens a socket. Raises `HttpError` if the component refuses."""
    event = _Event("GET", uri, headers or {}, params or {}, b"", protocols or [])
    try:
        accepted = _outcome(event).value
    except _fake.Err as error:
        failure = error.value
        raise HttpError(failure.status, failure.message, failure.headers) from None
    if not isinstance(accepted, _fake.ws.Accepted):
        raise HttpError(accepted.status, "the component has answered instead of upgrading")
    socket = _fake.host.sockets[accepted.socket]
    socket.state = _fake.ReadyState.OPEN
    if app.session is None:
        _entry.Hooks().open(socket.id)
    return Client(socket, accepted.headers)
