"""Calls of `Hooks.timer` that the instance asks for."""

from __future__ import annotations

from . import _host


def set_timer(seconds: float, repeat: bool = False) -> int:
    """Has `Hooks.timer` called after so many seconds, again and again if `repeat`. Returns the
    timer.

    Raises `RuntimeError` if the instance has as many timers as the site allows, or has no hooks.
    """
    if _host.timers is None:
        raise RuntimeError("only `@hooks` have timers")
    milliseconds = max(0, min(int(seconds * 1000), 0xFFFF_FFFF))
    try:
        return int(_host.timers.set(milliseconds, repeat))
    except _host.Err:
        raise RuntimeError("the instance has as many timers as it may") from None


def cancel_timer(timer: int) -> None:
    """Ends a timer, if it is still there."""
    if _host.timers is not None:
        _host.timers.cancel(timer)
