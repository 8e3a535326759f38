"""What a module registers: one component, by one decorator or one app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Optional, TypeVar, Union

from ._event import Event
from ._hooks import Hooks, check
from ._outcome import HttpError, Outcome, Response
from ._socket import Socket

if TYPE_CHECKING:
    from ._app import App

Handled = Callable[[Event], Union[Outcome, Awaitable[Outcome]]]
Next = Callable[[], Outcome]
Around = Callable[[Event, Next], Union[Outcome, Awaitable[Outcome]]]
OnError = Callable[[Event, HttpError], Union[Optional[Response], Awaitable[Optional[Response]]]]
Session = Callable[[Socket], Union[None, Awaitable[None]]]
Health = Callable[[], Union[None, Awaitable[None]]]

HandledT = TypeVar("HandledT", bound=Handled)
AroundT = TypeVar("AroundT", bound=Around)
OnErrorT = TypeVar("OnErrorT", bound=OnError)
SessionT = TypeVar("SessionT", bound=Session)
HealthT = TypeVar("HealthT", bound=Health)
H = TypeVar("H", bound=type[Hooks])


class Component:
    """What the module has registered."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forgets all of it."""
        self.app: App | None = None
        self.handler: Handled | None = None
        self.hooks: Hooks | None = None
        self.session: Session | None = None
        self.middleware: Around | None = None
        self.error_handler: OnError | None = None
        self.health: Health | None = None

    @property
    def is_of_sessions(self) -> bool:
        """Whether sessions are functions, in instances of their own, and not hooks."""
        return self.session is not None or (self.app is not None and self.app.has_sessions)

    def register(self, slot: str, value: object) -> None:
        """Takes what a decorator names. There is room for one of each."""
        if getattr(self, slot) is not None:
            raise ValueError(f"the component has two of `{slot}`: remove one, or use an `App`")
        setattr(self, slot, value)


component = Component()


def handler(function: HandledT) -> HandledT:
    """Makes a function the component's handler. Beside a `@session`, it answers the requests."""
    component.register("handler", function)
    return function


def hooks(cls: H) -> H:
    """Makes a class the component's hooks. There is one value of it. Raises `TypeError` if a method of
    it is meant as a hook, but has not the name of one: see `Hooks`."""
    value = cls()
    check(value)
    component.register("hooks", value)
    return cls


def session(function: SessionT) -> SessionT:
    """Makes a function the component's session. It runs in an instance of its own for each
    connection. Returning closes the socket with 1000."""
    component.register("session", function)
    return function


def middleware(function: AroundT) -> AroundT:
    """Makes a function the component's middleware. It runs around handlers, and calls `next` for
    the rest of the chain, at most once."""
    component.register("middleware", function)
    return function


def error_handler(function: OnErrorT) -> OnErrorT:
    """Makes a function the component's error handler. It returns a response, or `None` to let the
    error go on outward."""
    component.register("error_handler", function)
    return function


def health(function: HealthT) -> HealthT:
    """Makes a function the component's health check. The host calls it before a new version serves
    anything. An exception keeps the version before, and its text is the reason."""
    component.register("health", function)
    return function
