"""What the host calls: the classes that componentize-py looks for, over what the module registered.

An exception never leaves them: it is an answer, a reason, or the end of a session, and its traceback
is in the log.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from . import _batch, _host, _report, _state, _stream, _task, _timers
from ._app import answered, told
from ._component import Session as _Session
from ._component import component
from ._event import Event, http_error
from ._hooks import NO_HOOKS as _NO_HOOKS
from ._hooks import Hooks as _Hooks
from ._outcome import HttpError, Outcome, Response, Stream, Upgrade
from ._socket import Closed, CloseInfo, Message, Socket, from_host
from ._text import well_formed, well_formed_fields

T = TypeVar("T")


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _refusal(error: HttpError) -> Any:
    status, headers = _status(error.status), well_formed_fields(error.headers)
    return _host.Err(_host.http.HttpError(status, headers, well_formed(error.message)))


def _status(status: object) -> int:
    """What the contract has no room for would end the instance."""
    return status if isinstance(status, int) and 0 <= status <= 0xFFFF else 500


def _response(response: Response) -> Any:
    body = response.body
    if isinstance(body, str):
        made = _host.http.Body_Text(well_formed(body))
    else:
        made = _host.http.Body_Bytes(bytes(body)) if body else _host.http.Body_Empty()
    return _host.http.Response(
        _status(response.status), well_formed_fields(response.headers), made
    )


def _outcome(outcome: Outcome) -> Any:
    headers = well_formed_fields(outcome.headers)
    if isinstance(outcome, Response):
        return _host.outcome.Outcome_Response(_response(outcome))
    if isinstance(outcome, Upgrade):
        return _host.outcome.Outcome_Upgrade(_host.ws.Accepted(outcome.socket, headers))
    started = _host.streams.Started(outcome.socket, _status(outcome.status), headers)
    return _host.outcome.Outcome_Streamed(started)


def _from_host(outcome: Any) -> Outcome:
    value = outcome.value
    if isinstance(outcome, _host.outcome.Outcome_Response):
        body = getattr(value.body, "value", b"")
        return Response(value.status, list(value.headers), body)
    if isinstance(outcome, _host.outcome.Outcome_Upgrade):
        return Upgrade(value.socket, list(value.headers))
    return Stream(value.socket, value.status, list(value.headers))


def _answer(call: Callable[[], Any]) -> Any:
    """Calls a function, and makes an answer of any exception."""
    try:
        return call()
    except BaseException as error:
        raise _refusal(told(error)) from None
    finally:
        _flush()


def _serve(event: Event) -> Outcome:
    if component.app is not None:
        return component.app.answer(event)
    if component.hooks is not None:
        return answered(component.hooks.upgrade, event)
    return event.upgrade() if component.handler is None else answered(component.handler, event)


class Handler:
    def handle(self, handle: Any) -> Any:
        return _answer(lambda: _outcome(_serve(Event(handle))))


class Middleware:
    def handle(self, handle: Any) -> Any:
        around = component.middleware
        assert around is not None

        def rest() -> Outcome:
            try:
                return _from_host(_host.next.run(handle))
            except _host.Err as refused:
                raise http_error(refused.value) from None

        return _answer(
            lambda: _outcome(answered(lambda event: around(event, rest), Event(handle)))
        )


class ErrorHandler:
    def handle(self, handle: Any, error: Any) -> Any:
        handler, failure = component.error_handler, http_error(error)
        assert handler is not None

        def call() -> Any:
            response = _task.complete(handler(Event(handle), failure))
            if response is None:
                raise failure
            return _response(response)

        return _answer(call)


def _hooks_of(id: int) -> _Hooks:
    if component.app is not None:
        return component.app.hooks_of(id)
    return component.hooks or _NO_HOOKS


def _has_left(socket: Socket, error: BaseException) -> bool:
    """Whether an exception says only that the socket's own peer has left."""
    return isinstance(error, Closed) and error.socket == socket


def _fail(socket: Socket, error: BaseException) -> None:
    """Ends the session. That the peer has left is not a failure: `close` is on its way."""
    if _has_left(socket, error):
        return
    _report.log(error)
    socket.fail(f"{type(error).__name__}: {error}")


def _run(socket: Socket, call: Callable[[], Awaitable[None] | None]) -> None:
    """Calls a hook. An exception ends the session."""

    def failed(error: BaseException) -> None:
        _fail(socket, error)

    try:
        _task.run(call(), socket.id, failed)
    except BaseException as error:
        failed(error)
    finally:
        _flush()


def _receive(id: int, messages: Iterable[Message]) -> None:
    socket, message = Socket(id), _hooks_of(id).message

    def failed(error: BaseException) -> None:
        _fail(socket, error)

    try:
        for received in messages:
            done = message(socket, received)
            if done is not None:
                _task.run(done, id, failed)
    except BaseException as error:
        failed(error)
    finally:
        _flush()


class Hooks:
    def open(self, id: int) -> None:
        socket, body = Socket(id), _stream.body_of(id)
        if body is None:
            _run(socket, lambda: _hooks_of(id).open(socket))
        else:
            _run(socket, lambda: _stream.send(socket, body))

    def receive(self, id: int, messages: Any) -> None:
        _receive(id, map(from_host, messages))

    def drain(self, id: int) -> None:
        socket = Socket(id)
        _run(socket, lambda: _hooks_of(id).drain(socket))

    def close(self, id: int, info: Any) -> None:
        if not _stream.has_ended(id):
            socket, hooks = Socket(id), _hooks_of(id)
            closed = CloseInfo(info.code, info.reason, info.clean)
            _log(lambda: hooks.close(socket, closed), lambda error: _has_left(socket, error))
        if component.app is not None:
            component.app.forget(id)
        _task.end_tasks_of(id)
        _flush()

    def timer(self, id: int) -> None:
        callback, hooks = _timers.due(id), component.hooks or _NO_HOOKS
        # A peer may leave between two ticks.
        _log(callback or (lambda: hooks.timer(id)), lambda error: isinstance(error, Closed))
        _flush()


def _log(
    call: Callable[[], Awaitable[None] | None], is_expected: Callable[[BaseException], bool]
) -> None:
    """Calls a function whose exception ends no session. It goes to the log, unless it is expected."""

    def failed(error: BaseException) -> None:
        if not is_expected(error):
            _report.log(error)

    try:
        _task.run(call(), None, failed)
    except BaseException as error:
        failed(error)


class Batch:
    def receive(self, packed: bytes) -> None:
        for turn, (id, messages) in enumerate(_batch.turns(packed)):
            if turn > 0:
                _host.turn.begin(id)
            _receive(id, messages)


def _session_of(socket: Socket) -> _Session:
    if component.app is not None:
        return component.app.session_of(socket)
    assert component.session is not None
    return component.session


class Session:
    def run(self, id: int) -> None:
        socket, body = Socket(id), _stream.body_of(id)
        if body is None:
            _run(socket, lambda: _session_of(socket)(socket))
        else:
            _run(socket, lambda: _stream.send(socket, body))


class Routes:
    def all(self) -> Any:
        assert component.app is not None
        return [_host.routes.Route(*route) for route in component.app.routes()]


class State:
    def save(self) -> bytes:
        return _or_reason(_state.saved)

    def restore(self, saved: bytes) -> None:
        _or_reason(lambda: _state.take(bytes(saved)))


class Resume:
    def resume(self, id: int) -> None:
        socket = Socket(id)
        _run(socket, lambda: _hooks_of(id).resume(socket))


class Health:
    def check(self) -> None:
        check = component.health or getattr(component.hooks, "health", None)
        assert check is not None
        _or_reason(lambda: _task.complete(check()))


def _or_reason(call: Callable[[], T]) -> T:
    """Calls a function. An exception is the reason that the host is told."""
    try:
        return call()
    except BaseException as error:
        _report.log(error)
        raise _host.Err(well_formed(str(error) or type(error).__name__)) from None
    finally:
        _flush()
