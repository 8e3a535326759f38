"""JSON, within what the interpreter can read."""

from __future__ import annotations

import json
import math
import re
from array import array
from itertools import accumulate
from typing import Any, NoReturn

from ._text import well_formed

# The bytes of JSON or of a form that are read without another limit. What they say may take many
# times as much memory, and a shared instance's is that of all its clients.
PARSED = 128 * 1024

# Python's reader calls itself for each level, and the instance ends where its stack does.
_DEPTH = 128

# The same for a text that a guest reads by Python's own `json`. It may be a client's, too.
_MOST_DEPTH = 500

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKETS = b"[{]}"
_SIGNS = bytes.maketrans(_BRACKETS, bytes((1, 1, 255, 255)))
_OTHERS = bytes(letter for letter in range(256) if letter not in _BRACKETS)


def to_json(value: Any) -> str:
    """A value as compact JSON. Raises `TypeError` or `ValueError` for what JSON cannot say."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def json_bytes(value: Any) -> bytes:
    """The same as bytes."""
    return well_formed(to_json(value)).encode()


def too_large(what: str, limit: int, method: str) -> str:
    """Why something that a client has sent is not read."""
    return f"the {what} is larger than {limit} bytes: `{method}` reads it with a higher limit"


def bound_levels(data: bytes) -> None:
    """Raises `ValueError` if JSON has more levels than `from_json` reads."""
    if data.count(b"[") + data.count(b"{") > _DEPTH and _depth(data) > _DEPTH:
        raise ValueError(f"more than {_DEPTH} levels of arrays and objects")


def from_json(text: str | bytes) -> Any:
    """The value that a text says. Raises `ValueError` if it is not JSON, has too many levels, or a
    number that is not finite."""
    bound_levels(text.encode(errors="surrogatepass") if isinstance(text, str) else text)
    return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def bound_json() -> None:
    """Has Python's own `json` raise `RecursionError` for a text with too many levels. Otherwise it does
    so only at the end of the stack, which ends the instance."""
    decode = json.JSONDecoder.decode

    def bounded(self: json.JSONDecoder, s: str, *more: Any) -> Any:
        if s.count("[") + s.count("{") > _MOST_DEPTH:
            if _depth(s.encode(errors="surrogatepass")) > _MOST_DEPTH:
                raise RecursionError(f"the JSON has more than {_MOST_DEPTH} levels")
        return decode(self, s, *more)

    setattr(json.JSONDecoder, "decode", bounded)


def _depth(data: bytes) -> int:
    brackets = _STRING.sub(b"", data).translate(_SIGNS, _OTHERS)
    return max(accumulate(array("b", brackets)), default=0)


def _finite(text: str) -> float:
    # Python's reader takes `1e999` for an infinity, which JSON cannot say again.
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return number


def _refuse(constant: str) -> NoReturn:
    # Python's reader takes `NaN` and `Infinity`, which JSON does not have.
    raise ValueError(f"`{constant}` is not JSON")
