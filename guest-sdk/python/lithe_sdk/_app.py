"""What a module says that its component is."""

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
        """As `lithe.toml` names it."""
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
    """Makes a function the component's handler. Beside a `session`, it decides on the upgrade."""
    app.handler = function
    return function


def hooks(cls: H) -> H:
    """Makes one value of a class the component's hooks."""
    app.hooks = cls()
    return cls


def session(function: Session) -> Session:
    """Makes a function the component's session: it runs in an instance of its own for each connection,
    and returning closes the socket with 1000."""
    app.session = function
    return function


def middleware(function: Around) -> Around:
    """Makes a function the component's middleware: it runs around handlers, and calls `next` for the
    rest of the chain, at most once."""
    app.middleware = function
    return function


def error_handler(function: OnError) -> OnError:
    """Makes a function the component's error handler: it answers a response, or none for the error to
    go on outward."""
    app.error_handler = function
    return function
