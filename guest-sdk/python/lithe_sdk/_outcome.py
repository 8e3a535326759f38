"""What comes of an event."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional, TypeVar, Union

from ._cookie import Cookie, SameSite
from ._json import to_json
from ._text import percent_encoded

Headers = list[tuple[str, str]]

Pieces = Union[Iterable[Union[str, bytes]], AsyncIterable[Union[str, bytes]]]

REDIRECTS = (301, 302, 303, 307, 308)

# What may stand in a URI, and `%`. A `\` may not: browsers take it for a `/`.
_URI = "".join(c for c in map(chr, range(0x21, 0x7F)) if c not in '"<>\\')

Self = TypeVar("Self", bound="WithHeaders")


class WithHeaders:
    """What has headers that can still change."""

    headers: Headers

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        name = name.lower()
        return next((value for own, value in self.headers if own.lower() == name), None)

    def set_header(self: Self, name: str, value: str) -> Self:
        """Puts this header in place of all others of that name. Returns the same value."""
        lower = name.lower()
        self.headers[:] = [field for field in self.headers if field[0].lower() != lower]
        return self.add_header(name, value)

    def add_header(self: Self, name: str, value: str) -> Self:
        """Adds this header beside others of that name. Returns the same value."""
        self.headers.append((name, value))
        return self

    def set_cookie(
        self: Self,
        name: str,
        value: str,
        *,
        path: str | None = None,
        domain: str | None = None,
        max_age: int | None = None,
        same_site: SameSite | None = None,
        secure: bool = False,
        http_only: bool = False,
    ) -> Self:
        """Sets a cookie: see `Cookie`. Returns the same value."""
        cookie = Cookie(name, value, path, domain, max_age, same_site, secure, http_only)
        return self.add_header("set-cookie", str(cookie))


@dataclass
class Response(WithHeaders):
    """An answer, with a status from 200 to 599."""

    status: int = 200
    headers: Headers = field(default_factory=list)
    body: str | bytes = b""

    @classmethod
    def text(cls, text: str, status: int = 200) -> Response:
        """Plain text. Raises `TypeError` for what is not text."""
        if not isinstance(text, str):
            raise TypeError(f"the text of a response is a `str`, and not {type(text).__name__}")
        return cls(status, [("content-type", "text/plain; charset=utf-8")], text)

    @classmethod
    def html(cls, text: str, status: int = 200) -> Response:
        """A page."""
        return cls(status, [("content-type", "text/html; charset=utf-8")], text)

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Response:
        """A value as JSON. Raises `TypeError` or `ValueError` for what JSON cannot say."""
        return cls(status, [("content-type", "application/json")], to_json(value))

    @classmethod
    def redirect(cls, location: str, status: int = 302) -> Response:
        """Sends the client elsewhere. 301 and 308 are for good, 302 and 307 for now, and 303 leads
        to the result of a POST. What cannot stand in a URI, such as a space or a line's end, is
        percent-encoded. A `%` stays as it is."""
        if status not in REDIRECTS:
            raise ValueError(f"{status} is not the status of a redirect: use 301, 302, 303, 307 or 308")
        return cls(status, [("location", percent_encoded(location, _URI))])

    @staticmethod
    def stream(
        pieces: Pieces, content_type: str = "application/octet-stream", status: int = 200
    ) -> Stream:
        """An answer whose body is sent piece by piece, for components of the kind `hooks`: the
        texts and bytes of a generator. It runs once the head is sent. While the client reads
        slowly, it waits. An `async` generator may `await sleep(…)` between its pieces.
        """
        return Stream(None, status, [("content-type", content_type)], pieces)

    @staticmethod
    def events(events: Iterable[Sse | str] | AsyncIterable[Sse | str]) -> Stream:
        """Server-sent events, which a browser reads with `EventSource`: those of a generator, each
        an `Sse` or the text of its data."""
        headers = [("content-type", "text/event-stream"), ("cache-control", "no-cache")]
        if isinstance(events, AsyncIterable):
            return Stream(None, 200, headers, _later_events(events))
        return Stream(None, 200, headers, map(_wire_form, events))


@dataclass
class Upgrade(WithHeaders):
    """An accepted upgrade, which `Event.upgrade` makes. Middleware may add headers to it."""

    socket: int
    headers: Headers


@dataclass
class Stream(WithHeaders):
    """A response whose body is sent piece by piece. `Response.stream` makes it, or
    `Event.stream`. The host names its socket once it has begun."""

    socket: int | None
    status: int
    headers: Headers
    pieces: Pieces = ()


Outcome = Union[Response, Upgrade, Stream]


@dataclass(frozen=True)
class Sse:
    """One server-sent event (HTML Standard, 9.2). `retry` is in milliseconds. A comment keeps
    proxies from closing a quiet connection."""

    data: Optional[str] = None
    event: Optional[str] = None
    id: Optional[str] = None
    retry: Optional[int] = None
    comment: Optional[str] = None

    def __str__(self) -> str:
        lines = []
        for name, text in (("event", self.event), ("id", self.id)):
            if text is not None:
                # A field has one line, and a browser takes all of `\r`, `\n` and `\r\n` for its end.
                lines.append(f"{name}: " + text.replace("\r", " ").replace("\n", " "))
        if self.retry is not None:
            lines.append(f"retry: {int(self.retry)}")
        for name, text in (("", self.comment), ("data", self.data)):
            if text is not None:
                text = text.replace("\r\n", "\n").replace("\r", "\n")
                lines += [f"{name}: {line}" for line in text.split("\n")]
        return "".join(f"{line}\n" for line in lines) + "\n"


def _wire_form(event: Sse | str) -> str:
    return str(event if isinstance(event, Sse) else Sse(event))


async def _later_events(events: AsyncIterable[Sse | str]) -> AsyncIterable[str]:
    async for event in events:
        yield _wire_form(event)


class HttpError(Exception, WithHeaders):
    """A failure that has an HTTP answer, with a status from 400 to 599. A handler raises it.

    The nearest error handler may turn it into another response. If none does, the client gets the
    message as text.
    """

    def __init__(
        self,
        status: int,
        message: str = "",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        self.headers: Headers = list(pairs)

    def __str__(self) -> str:
        return f"{self.status} {self.message}"
