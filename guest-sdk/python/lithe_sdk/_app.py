"""The decorators: each makes a module's component."""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional, TypeVar

from ._event import Event, http_error
from ._hooks import Hooks
from ._outcome import HttpError, Outcome, Response
from ._socket import Socket
from . import _host

Handled = Callable[[Event], Outcome]
Next = Callable[[], Outcome]
Around = Callable[[Event, Next], Outcome]
OnError = Callable[[Event, HttpError], Optional[Response]]
Session = Callable[[Socket], None]

F = TypeVar("F", Handled, Session, Around, OnError)
H = TypeVar("H", bound=type[Hooks])


class App:
    """The component's one handler, hooks, session, middleware or error handler."""

    def __init__(self) -> None:
        self.handler: Handled | None = None
        self.hooks: Hooks | None = None
        self.session: Session | None = None
        self.middleware: Around | None = None
        self.error_handler: OnError | None = None

    @property
    def kind(self) -> str | None:
        """The kind, as `lithe.toml` names it."""
        if self.hooks is not None:
            return "hooks"
        if self.session is not None:
            return "session"
        if self.middleware is not None:
            return "middleware"
        if self.error_handler is not None:
            return "error"
        return None if self.handler is None else "route"


app = App()


def handler(function: Handled) -> Handled:
    """Makes a function the component's handler. Beside a `@session`, it answers the requests."""
    app.handler = function
    return function


def hooks(cls: H) -> H:
    """Makes a class the component's hooks. There is one value of it."""
    app.hooks = cls()
    return cls


def session(function: Session) -> Session:
    """Makes a function the component's session. It runs in an instance of its own for each
    connection. Returning closes the socket with 1000."""
    app.session = function
    return function


def middleware(function: Around) -> Around:
    """Makes a function the component's middleware. It runs around handlers, and calls `next` for
    the rest of the chain, at most once."""
    app.middleware = function
    return function


def error_handler(function: OnError) -> OnError:
    """Makes a function the component's error handler. It returns a response, or `None` to let the
    error go on outward."""
    app.error_handler = function
    return function
