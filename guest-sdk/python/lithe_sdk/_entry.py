"""What the host calls: the classes that componentize-py looks for, over what the module registered.

An exception never leaves them: it is an answer, or the end of a session, and its traceback is in
the log.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any

from . import _host
from ._app import app
from ._event import Event, http_error
from ._outcome import HttpError, Outcome, Response, Stream, Upgrade
from ._socket import CloseInfo, Socket, from_host


def check(kind: str, module: str) -> None:
    """Refuses a module of another kind than `lithe.toml` says. Runs when the component is built."""
    found = app.kind
    if found is None:
        raise SystemExit(f"`{module}` has no `@handler`, `@hooks`, `@session` or `@middleware`")
    if found != kind:
        raise SystemExit(f'`{module}` is of the kind "{found}": say so in `lithe.toml`, not "{kind}"')


def _logged() -> None:
    """Writes the exception that is handled to the log, with its traceback."""
    traceback.print_exc()


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _refusal(error: HttpError) -> Any:
    return _host.Err(_host.http.HttpError(error.status, error.headers, error.message))


def _response(response: Response) -> Any:
    body = response.body
    if isinstance(body, str):
        made = _host.http.Body_Text(body)
    else:
        made = _host.http.Body_Bytes(bytes(body)) if body else _host.http.Body_Empty()
    return _host.http.Response(response.status, response.headers, made)


def _outcome(outcome: Outcome) -> Any:
    if isinstance(outcome, Response):
        return _host.outcome.Outcome_Response(_response(outcome))
    if isinstance(outcome, Upgrade):
        return _host.outcome.Outcome_Upgrade(_host.ws.Accepted(outcome.socket, outcome.headers))
    if isinstance(outcome, Stream):
        started = _host.streams.Started(outcome.socket, outcome.status, outcome.headers)
        return _host.outcome.Outcome_Streamed(started)
    raise TypeError(f"a handler answers a Response, an Upgrade or a Stream, and not {outcome!r}")


def _from_host(outcome: Any) -> Outcome:
    value = outcome.value
    if isinstance(outcome, _host.outcome.Outcome_Response):
        body = getattr(value.body, "value", b"")
        return Response(value.status, list(value.headers), body)
    if isinstance(outcome, _host.outcome.Outcome_Upgrade):
        return Upgrade(value.socket, list(value.headers))
    return Stream(value.socket, value.status, list(value.headers))


def _answered(call: Any) -> Any:
    """Calls a function, and makes an answer of any exception."""
    try:
        return call()
    except HttpError as error:
        raise _refusal(error) from None
    except BaseException:
        _logged()
        raise _refusal(HttpError(500, "Internal Server Error")) from None
    finally:
        _flush()


class Handler:
    def handle(self, handle: Any) -> Any:
        event = Event(handle)

        def call() -> Any:
            if app.hooks is not None:
                return _outcome(app.hooks.upgrade(event))
            return _outcome(event.upgrade() if app.handler is None else app.handler(event))

        return _answered(call)


class Middleware:
    def handle(self, handle: Any) -> Any:
        event = Event(handle)

        def rest() -> Outcome:
            try:
                return _from_host(_host.next.run(handle))
            except _host.Err as refused:
                raise http_error(refused.value) from None

        def call() -> Any:
            assert app.middleware is not None
            return _outcome(app.middleware(event, rest))

        return _answered(call)


class ErrorHandler:
    def handle(self, handle: Any, error: Any) -> Any:
        failure = http_error(error)

        def call() -> Any:
            assert app.error_handler is not None
            response = app.error_handler(Event(handle), failure)
            if response is None:
                raise failure
            return _response(response)

        return _answered(call)


def _in_session(socket: Socket, call: Any, *arguments: Any) -> None:
    """Calls a function. An exception ends the session."""
    try:
        call(*arguments)
    except BaseException as error:
        _logged()
        socket.fail(f"{type(error).__name__}: {error}")
    finally:
        _flush()


class Hooks:
    def open(self, id: int) -> None:
        assert app.hooks is not None
        socket = Socket(id)
        _in_session(socket, app.hooks.open, socket)

    def receive(self, id: int, messages: Any) -> None:
        assert app.hooks is not None
        socket = Socket(id)
        message = app.hooks.message
        try:
            for received in messages:
                message(socket, from_host(received))
        except BaseException as error:
            _logged()
            socket.fail(f"{type(error).__name__}: {error}")
        finally:
            _flush()

    def drain(self, id: int) -> None:
        assert app.hooks is not None
        socket = Socket(id)
        _in_session(socket, app.hooks.drain, socket)

    def close(self, id: int, info: Any) -> None:
        assert app.hooks is not None
        socket = Socket(id)
        _in_session(socket, app.hooks.close, socket, CloseInfo(info.code, info.reason, info.clean))

    def timer(self, id: int) -> None:
        assert app.hooks is not None
        try:
            app.hooks.timer(id)
        except BaseException:
            _logged()
        finally:
            _flush()


class Session:
    def run(self, id: int) -> None:
        assert app.session is not None
        socket = Socket(id)
        _in_session(socket, app.session, socket)
