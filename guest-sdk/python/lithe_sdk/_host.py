"""The one seam between the SDK and its host: the bindings that componentize-py makes from the
contract, or, outside of a component, the host that `lithe_sdk.testing` plays.

A world has only what its kind may import; what another kind has is None here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NoReturn

from . import _played

_is_component = find_spec("wit_world") is not None


def _interface(name: str) -> Any:
    if not _is_component:
        return getattr(_played, name)
    for side in ("imports", "exports"):
        try:
            return import_module(f"wit_world.{side}.{name}")
        except ModuleNotFoundError:
            continue
    return None


Err: Any = import_module("componentize_py_types").Err if _is_component else _played.Err
http = _interface("http")
next = _interface("next")
outcome = _interface("outcome")
receiver = _interface("receiver")
socket = _interface("socket")
routes = _interface("routes")
streams = _interface("streams")
timers = _interface("timers")
topics = _interface("topics")
turn = _interface("turn")
ws = _interface("ws")


class _Absent:
    def __getattr__(self, _name: str) -> NoReturn:
        raise RuntimeError("code at the top of a module cannot call the host")


@contextmanager
def absent() -> Iterator[None]:
    """Makes calls of the host fail with a message: a build has no host."""
    names = ("receiver", "socket", "timers", "topics")
    own = globals()
    kept = {name: own[name] for name in names}
    # What is None is not in this kind of component, and has words of its own.
    own.update({name: _Absent() for name, value in kept.items() if value is not None})
    try:
        yield
    finally:
        own.update(kept)
