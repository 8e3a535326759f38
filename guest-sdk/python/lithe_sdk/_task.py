"""Coroutines: a loop of the SDK's own, for a component has no event loop.

A coroutine runs within the host's call until it awaits `sleep`. In a component of the kind `hooks`
a timer of the host then goes on with it. In a session, which may block, it waits right there.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from . import _report
from ._component import component
from ._timers import cancel_timer, set_timer

Failed = Callable[[BaseException], None]

# The tasks that a socket has, by its number: they end with it.
_of_socket: dict[int, set[_Task]] = {}


class _Sleep:
    """What a coroutine yields to the loop."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __await__(self) -> Generator[_Sleep, None, None]:
        yield self


def sleep(seconds: float) -> Awaitable[None]:
    """Waits in an `async` hook, timer, task or session, and in the generator of a stream. In a
    component of the kind `hooks`, nothing else waits for it: other events come in the time."""
    return _Sleep(seconds)


def spawn(awaitable: Awaitable[None]) -> None:
    """Starts a coroutine. It runs at once until it awaits `sleep`, and then beside what the host
    calls. Its exception goes to the log."""
    run(awaitable, None, _report.log)


def run(result: Awaitable[None] | None, socket: int | None, failed: Failed) -> None:
    """Runs what an `async` function has returned, beside what the host calls. It ends with the
    socket, if it has one. `failed` hears of its exception."""
    if result is None:
        return
    task = _Task(_coroutine(result), socket, failed)
    if _may_block():
        task.finish()
    else:
        task.step()


def complete(result: Any) -> Any:
    """What a function has returned, or what its coroutine does, which has to end within this
    call."""
    if not hasattr(result, "__await__"):
        return result
    coroutine = _coroutine(result)
    try:
        while True:
            seconds = _advance(coroutine)
            if _may_block():
                time.sleep(seconds)
            else:
                coroutine.throw(RuntimeError("the host waits for this: it cannot `sleep`"))
    except StopIteration as end:
        return end.value


def end_tasks_of(socket: int) -> None:
    """Ends the tasks of a socket that is gone, where they wait."""
    for task in _of_socket.pop(socket, ()):
        task.cancel()


class _Task:
    """A coroutine that a timer goes on with."""

    def __init__(
        self, coroutine: Coroutine[Any, Any, None], socket: int | None, failed: Failed
    ) -> None:
        self._coroutine, self._socket, self._failed = coroutine, socket, failed
        self._timer = 0

    def step(self) -> None:
        """Runs it until it sleeps or ends."""
        try:
            seconds = _advance(self._coroutine)
        except StopIteration:
            self._forget()
        except BaseException as error:
            self._forget()
            self._failed(error)
        else:
            self._wait(seconds)

    def finish(self) -> None:
        """Runs it to its end."""
        try:
            complete(self._coroutine)
        except BaseException as error:
            self._failed(error)

    def cancel(self) -> None:
        """Ends it where it waits."""
        cancel_timer(self._timer)
        try:
            self._coroutine.close()
        except BaseException as error:
            self._failed(error)

    def _wait(self, seconds: float) -> None:
        try:
            self._timer = set_timer(seconds, self.step)
        except RuntimeError as error:
            self._forget()
            self._coroutine.close()
            self._failed(error)
            return
        if self._socket is not None:
            _of_socket.setdefault(self._socket, set()).add(self)

    def _forget(self) -> None:
        tasks = _of_socket.get(self._socket) if self._socket is not None else None
        if tasks is not None:
            tasks.discard(self)
            if not tasks and self._socket is not None:
                del _of_socket[self._socket]


def _advance(coroutine: Coroutine[Any, Any, Any]) -> float:
    """Runs it until it sleeps, and answers for how long. Raises `StopIteration` at its end."""
    waited = coroutine.send(None)
    while not isinstance(waited, _Sleep):
        waited = coroutine.throw(
            RuntimeError("there is no event loop: await the SDK's `sleep`, and not asyncio's")
        )
    return waited.seconds


def _coroutine(awaitable: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    if isinstance(awaitable, Coroutine):
        return awaitable

    async def wait() -> Any:
        return await awaitable

    return wait()


def _may_block() -> bool:
    # Only a session has its instance for itself.
    return component.session is not None
