"""Text that the contract can carry."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote


def well_formed(text: str) -> str:
    """The same text. A lone surrogate, such as JSON's `"\\ud800"` makes, becomes U+FFFD: it has no
    UTF-8, and the bindings would end the instance over it."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)
    return text


def percent_encoded(text: str, plain: str) -> str:
    """The same text, with `%41` for an `A` that is not plain. Letters, digits and `_.-~` always
    are."""
    return quote(well_formed(text), safe=plain)


def well_formed_fields(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same for the names and values of headers."""
    return [(well_formed(name), well_formed(value)) for name, value in headers]
