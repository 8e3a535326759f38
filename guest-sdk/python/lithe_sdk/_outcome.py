"""What comes of an event."""

from __future__ import annotations

import json as _json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

Headers = list[tuple[str, str]]


@dataclass
class Response:
    """An answer, with a status from 200 to 599."""

    status: int = 200
    headers: Headers = field(default_factory=list)
    body: str | bytes = b""

    @classmethod
    def text(cls, text: str, status: int = 200) -> Response:
        """Plain text."""
        return cls(status, [("content-type", "text/plain; charset=utf-8")], text)

    @classmethod
    def html(cls, text: str, status: int = 200) -> Response:
        """A page."""
        return cls(status, [("content-type", "text/html; charset=utf-8")], text)

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Response:
        """A value as JSON.

        Raises `TypeError` for what JSON cannot say.
        """
        text = _json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return cls(status, [("content-type", "application/json")], text)

    @classmethod
    def redirect(cls, location: str, status: int = 302) -> Response:
        """Sends the client elsewhere."""
        return cls(status, [("location", location)])


@dataclass
class Upgrade:
    """An accepted upgrade, which `Event.upgrade` makes. Middleware may add headers to it."""

    socket: int
    headers: Headers


@dataclass
class Stream:
    """A response whose body is sent piece by piece, which `Event.stream` makes."""

    socket: int
    status: int
    headers: Headers


Outcome = Union[Response, Upgrade, Stream]


class HttpError(Exception):
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
