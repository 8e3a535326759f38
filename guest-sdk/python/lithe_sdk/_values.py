"""Values of a request that arrive as text: parameters, queries, forms."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, TypeVar, overload
from urllib.parse import parse_qsl

from ._outcome import HttpError

T = TypeVar("T")
D = TypeVar("D")

# Fields of a query or a form. Reading one costs microseconds, and a body may be a megabyte.
_MAX_FIELDS = 1000

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BOOLS = {"true": True, "false": False}
_MISSING: Any = object()


def parsed(what: str, name: str, value: str, type: Callable[[str], T]) -> T:
    """The value as a type. Raises `HttpError` 400, which names it."""
    try:
        read: Callable[[str], T] = _readers.get(type, type)
        return read(value)
    except (ValueError, ArithmeticError) as error:
        raise HttpError(400, f"{what} `{name}` is `{value}`: {error}") from None


def _integer(value: str) -> int:
    # `int` takes `4_2`, too, and digits of any script.
    if not _INTEGER.fullmatch(value):
        raise ValueError("not an integer")
    try:
        return int(value)
    except ValueError:
        # Python reads 4300 digits: for more, the time grows with their square.
        raise ValueError("out of range") from None


def _float(value: str) -> float:
    # `float` takes `nan`, `inf` and `4_2`, too, and makes an infinity of `1e999`.
    if not _DECIMAL.fullmatch(value):
        raise ValueError("not a number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("out of range")
    return number


def _bool(value: str) -> bool:
    try:
        return _BOOLS[value]
    except KeyError:
        raise ValueError("neither `true` nor `false`") from None


_readers: dict[Any, Callable[[str], Any]] = {int: _integer, float: _float, bool: _bool}


class Values(dict[str, list[str]]):
    """Values by their names, each with all that were given. `one` gives the first, as a type."""

    def __init__(self, what: str, text: str) -> None:
        super().__init__()
        self._what = what
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
        except ValueError:
            raise HttpError(400, f"there are more than {_MAX_FIELDS} {what}s") from None
        for name, value in pairs:
            self.setdefault(name, []).append(value)

    @overload
    def one(self, name: str) -> str: ...
    @overload
    def one(self, name: str, type: Callable[[str], T]) -> T: ...
    @overload
    def one(self, name: str, type: Callable[[str], T], default: D) -> T | D: ...

    def one(self, name: str, type: Callable[[str], Any] = str, default: Any = _MISSING) -> Any:
        """The first value of that name, as a type such as `int`.

        Raises `HttpError` 400 if it is not of that type, or if it is missing and there is no
        default.
        """
        found = self.get(name)
        if found:
            return parsed(self._what, name, found[0], type)
        if default is _MISSING:
            raise HttpError(400, f"{self._what} `{name}` is missing")
        return default
