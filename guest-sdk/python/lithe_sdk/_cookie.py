"""Cookies (RFC 6265): read from requests, set by responses."""

from __future__ import annotations

import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Optional
from urllib.parse import unquote

from ._text import percent_encoded

SameSite = Literal["Strict", "Lax", "None"]

# RFC 9110, 5.6.2 and RFC 6265, 4.1.1. In a value, `%` begins what is encoded.
_TOKEN = "!#$%&'*+-.^_`|~"
_OCTETS = "".join(c for c in string.punctuation if c not in '",;\\%')
_TEXT = "".join(c for c in map(chr, range(0x20, 0x7F)) if c != ";")


@dataclass(frozen=True)
class Cookie:
    """A cookie that a response sets. Characters that a value cannot hold are percent-encoded, and
    `Event.cookies` decodes them. A name is a token (RFC 9110, 5.6.2), and is not decoded: other
    characters in it stay percent-encoded. `max_age` is in seconds; 0 makes the browser forget the
    cookie."""

    name: str
    value: str
    path: Optional[str] = None
    domain: Optional[str] = None
    max_age: Optional[int] = None
    same_site: Optional[SameSite] = None
    secure: bool = False
    http_only: bool = False

    def __str__(self) -> str:
        """The value of `set-cookie`."""
        parts = [f"{percent_encoded(self.name, _TOKEN)}={percent_encoded(self.value, _OCTETS)}"]
        if self.path is not None:
            parts.append(f"Path={percent_encoded(self.path, _TEXT)}")
        if self.domain is not None:
            parts.append(f"Domain={percent_encoded(self.domain, _TEXT)}")
        if self.max_age is not None:
            parts.append(f"Max-Age={int(self.max_age)}")
        if self.same_site is not None:
            if self.same_site not in ("Strict", "Lax", "None"):
                raise ValueError(f"`same_site` is Strict, Lax or None, and not {self.same_site!r}")
            parts.append(f"SameSite={self.same_site}")
        if self.secure:
            parts.append("Secure")
        if self.http_only:
            parts.append("HttpOnly")
        return "; ".join(parts)


def parse(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The request's cookies, by name: the first of each. Skips what is not a pair. Names stay as they
    were sent: a browser guards `__Host-a`, and would take `__%48ost-a` from anybody."""
    found: dict[str, str] = {}
    for header, line in headers:
        if header.lower() != "cookie":
            continue
        for pair in line.split(";"):
            name, is_pair, value = pair.partition("=")
            value = value.strip()
            if len(value) >= 2 and value[0] == value[-1] == '"':
                value = value[1:-1]
            if is_pair and name.strip():
                found.setdefault(name.strip(), unquote(value))
    return found
