"""Tracebacks of the author's frames, without those of the SDK."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from traceback import TracebackException

_SDK = os.path.dirname(__file__) + "/"


class Unanswered(TypeError):
    """A function returned something that cannot be an answer. The text names the function."""


def log(error: BaseException) -> None:
    """Writes an exception to the log."""
    if isinstance(error, Unanswered):
        print(f"TypeError: {error}", file=sys.stderr)
        return
    lines = traceback(error, lambda filename: not filename.startswith(_SDK)).format()
    print("".join(lines), end="", file=sys.stderr)


def traceback(error: BaseException, is_kept: Callable[[str], bool]) -> TracebackException:
    """The frames of files that are kept, of the exception and of its causes."""
    summary = TracebackException.from_exception(error)
    for part in parts(summary):
        part.stack[:] = [frame for frame in part.stack if is_kept(frame.filename)] or part.stack
    return summary


def parts(summary: TracebackException) -> list[TracebackException]:
    """The exception, its causes, and those of a group."""
    found, rest = [], [summary]
    while rest:
        part = rest.pop()
        found.append(part)
        others = [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ())]
        rest += [other for other in others if other is not None]
    return found
