"""The request that is handled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

from . import _cookie, _host
from ._json import PARSED, from_json, json_bytes, too_large
from ._outcome import Headers, HttpError, Stream, Upgrade
from ._text import well_formed, well_formed_fields
from ._values import T, Values, parsed

FORM = "application/x-www-form-urlencoded"


class Event:
    """The request that is handled, and what the route and the middleware know about it.

    Every property asks the host, so keep an answer that you need twice. A client may send anything:
    what reads a part of the request as a type raises `HttpError` 400 if the part is not of that
    type, and the message names the part.
    """

    __slots__ = ("_handle",)

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    @property
    def id(self) -> str:
        """The name of this request, which no other request has. The host's log lines have it,
        too."""
        return str(self._handle.id())

    @property
    def method(self) -> str:
        """The method in upper case, such as `GET`."""
        return str(self._handle.method())

    @property
    def uri(self) -> str:
        """Path and query, as the client sent them."""
        return str(self._handle.uri())

    @property
    def path(self) -> str:
        """The path without the query, percent-decoded."""
        return str(self._handle.path())

    @property
    def query(self) -> Values:
        """The query's values, by their names. `event.query.one("page", int)` gives one."""
        return Values("query parameter", self._handle.query() or "")

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return str(self._handle.scheme())

    @property
    def authority(self) -> str:
        """The `host` header, or the authority of the request's target."""
        return str(self._handle.authority())

    @property
    def headers(self) -> Headers:
        """All of the request's headers, in order, with names in lower case."""
        return list(self._handle.headers())

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        value: str | None = self._handle.header(name)
        return value

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies, by their names. Their values are percent-decoded."""
        return _cookie.parse(self._handle.headers())

    @property
    def route(self) -> str:
        """The pattern that matched, such as `/rooms/:id`."""
        return str(self._handle.route())

    @property
    def params(self) -> dict[str, str]:
        """The route's parameters, percent-decoded."""
        return dict(self._handle.params())

    @overload
    def param(self, name: str) -> str: ...
    @overload
    def param(self, name: str, type: Callable[[str], T]) -> T: ...

    def param(self, name: str, type: Callable[[str], Any] = str) -> Any:
        """One of the route's parameters, as a type such as `int`. Raises `HttpError` 400 if it is
        not of that type, or missing."""
        value: str | None = self._handle.param(name)
        if value is None:
            raise HttpError(400, f"parameter `{name}` is missing")
        return parsed("parameter", name, value, type)

    @property
    def client_address(self) -> str:
        """`IP:PORT` of the client."""
        return str(self._handle.client_address())

    @property
    def body(self) -> bytes:
        """The whole body. For an upgrade request it is empty."""
        return bytes(self._handle.body())

    def text(self) -> str:
        """The body as text. Raises `HttpError` 400 if it is not UTF-8."""
        return _decoded(self.body)

    def json(self, *, limit: int = PARSED) -> Any:
        """The body as JSON. Raises `HttpError` 400 if it is not JSON, and 413 if it has more bytes
        than the limit: without one, 128 KiB. A value may take many times the bytes of its JSON."""
        text = self._text_within(limit, "json(limit=…)")
        try:
            return from_json(text)
        except ValueError as error:
            raise HttpError(400, f"the body is not JSON: {error}") from None

    def form(self, *, limit: int = PARSED) -> Values:
        """The body as a form (`application/x-www-form-urlencoded`), by the names of its fields.
        `event.form().one("age", int)` gives one. Raises `HttpError` 415 if the request says that
        its body is something else, and 413 as `json` does."""
        kind = (self.header("content-type") or "").partition(";")[0].strip().lower()
        if kind != FORM:
            raise HttpError(415, f"the body is not `{FORM}`")
        return Values("form field", self._text_within(limit, "form(limit=…)"))

    def _text_within(self, limit: int, method: str) -> str:
        """The body, if it is not too large for the method of that name."""
        body = self.body
        if len(body) > limit:
            raise HttpError(413, too_large("body", limit, method))
        return _decoded(body)

    def local(self, key: str) -> str | None:
        """A value that middleware left for what runs after it."""
        value: str | None = self._handle.local(key)
        return value

    def set_local(self, key: str, value: str) -> None:
        """Leaves a value for what runs after this, the session included."""
        self._handle.set_local(well_formed(key), well_formed(value))

    @property
    def is_upgrade_request(self) -> bool:
        """Whether the request asks for a WebSocket."""
        return bool(_host.ws.is_upgrade_request(self._handle))

    @property
    def requested_protocols(self) -> list[str]:
        """What `sec-websocket-protocol` offers, in order."""
        return list(_host.ws.requested_protocols(self._handle))

    def upgrade(
        self,
        protocol: str | None = None,
        headers: Headers | None = None,
        attachment: bytes = b"",
        pinned: bool = False,
        *,
        protocols: Iterable[str] = (),
        context: Any = None,
    ) -> Upgrade:
        """Accepts the upgrade. Return its result.

        The protocol is one of those that the request offers; of several `protocols`, it is the
        first that the request offers, if any. The host keeps the attachment with the socket: bytes,
        or `context` as JSON. A pinned session ends with the instance in whose memory its state
        lies.

        Raises `HttpError` if the request does not ask for an upgrade as it should (405, 426, 400),
        or if the component has no sessions (501).
        """
        if protocols and protocol is None:
            offered = self.requested_protocols
            protocol = next((ours for ours in protocols if ours in offered), None)
        if context is not None:
            attachment = json_bytes(context)
        options = _host.ws.UpgradeOptions(
            protocol, well_formed_fields(headers or []), attachment, pinned
        )
        try:
            accepted = _host.ws.upgrade(self._handle, options)
        except _host.Err as refused:
            raise http_error(refused.value) from None
        return Upgrade(accepted.socket, list(accepted.headers))

    def stream(
        self,
        status: int = 200,
        headers: Headers | None = None,
        attachment: bytes = b"",
        pinned: bool = False,
    ) -> Stream:
        """Begins a response whose body is sent piece by piece, through a socket that only sends:
        `Hooks.open` gets it. `Response.stream` does the same for a generator.

        Return its result. Raises `HttpError` if the component has no sessions (501), or if there
        are too many sockets (503).
        """
        options = _host.streams.StreamOptions(
            status, well_formed_fields(headers or []), attachment, pinned
        )
        try:
            started = _host.streams.start(self._handle, options)
        except _host.Err as refused:
            raise http_error(refused.value) from None
        return Stream(started.socket, started.status, list(started.headers))


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise HttpError(400, "the body is not UTF-8") from None


def http_error(error: Any) -> HttpError:
    """The contract's error as an exception."""
    return HttpError(error.status, error.message, list(error.headers))
