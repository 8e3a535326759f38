"""Calls that the instance asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Optional, Union

from . import _host

Callback = Callable[[], Optional[Awaitable[None]]]

# What is called when a timer is due, and whether it stays.
_callbacks: dict[int, tuple[Callback, bool]] = {}


def set_timer(seconds: float, callback: Callback | None = None, *, repeat: bool = False) -> int:
    """Calls the callback after so many seconds, again and again if `repeat`. Without a callback,
    `Hooks.timer` is called. Returns the timer, for `cancel_timer`.

    Raises `RuntimeError` if the instance has as many timers as the site allows, or has no hooks.
    """
    if _host.timers is None:
        raise RuntimeError("only components of the kind `hooks` have timers")
    try:
        timer = int(_host.timers.set(milliseconds(seconds), repeat))
    except _host.Err:
        raise RuntimeError("the instance has as many timers as the site allows") from None
    if callback is not None:
        _callbacks[timer] = (callback, repeat)
    return timer


def cancel_timer(timer: int) -> None:
    """Ends a timer, if it is still there."""
    _callbacks.pop(timer, None)
    if _host.timers is not None:
        _host.timers.cancel(timer)


def due(timer: int) -> Callback | None:
    """What is called now, if it is a callback."""
    found = _callbacks.get(timer)
    if found is None:
        return None
    callback, repeats = found
    if not repeats:
        del _callbacks[timer]
    return callback


def milliseconds(seconds: float) -> int:
    """Within what the contract can say."""
    return max(0, min(int(seconds * 1000), 0xFFFF_FFFF))
