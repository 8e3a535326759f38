"""JSON, within what the interpreter can read."""

from __future__ import annotations

import json
import re
from array import array
from itertools import accumulate
from typing import Any, NoReturn

# Python's reader calls itself for each level, and the instance ends where its stack does.
_DEPTH = 128

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKETS = b"[{]}"
_SIGNS = bytes.maketrans(_BRACKETS, bytes((1, 1, 255, 255)))
_OTHERS = bytes(letter for letter in range(256) if letter not in _BRACKETS)


def to_json(value: Any) -> str:
    """A value as compact JSON. Raises `TypeError` or `ValueError` for what JSON cannot say."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def from_json(text: str | bytes) -> Any:
    """The value that a text says. Raises `ValueError` if it is not JSON, or has too many levels."""
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if data.count(b"[") + data.count(b"{") > _DEPTH and _depth(data) > _DEPTH:
        raise ValueError(f"it has more than {_DEPTH} levels")
    return json.loads(text, parse_constant=_refuse)


def _depth(data: bytes) -> int:
    brackets = _STRING.sub(b"", data).translate(_SIGNS, _OTHERS)
    return max(accumulate(array("b", brackets)), default=0)


def _refuse(constant: str) -> NoReturn:
    # Python's reader takes `NaN` and `Infinity`, which JSON does not have.
    raise ValueError(f"`{constant}` is not JSON")
