"""One component with several routes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Optional, TypeVar

from . import _report, _stream, _task
from ._component import (
    Around,
    AroundT,
    H,
    Handled,
    HandledT,
    HealthT,
    OnError,
    OnErrorT,
    Session,
    SessionT,
    component,
)
from ._event import Event
from ._hooks import Hooks, check
from ._outcome import HttpError, Outcome, Response, Stream, Upgrade
from ._pattern import canonical
from ._socket import Message, Socket

Save = TypeVar("Save", bound=Callable[[], Any])
Restore = TypeVar("Restore", bound=Callable[[Any], None])

Run = Callable[[Event], Outcome]


class Group:
    """Routes below a prefix, with middleware and error handlers around them. `App.group` makes it,
    or a module of its own does, for `App.include`.

    The middleware of the app runs around a handler first, then that of its groups, from the
    broadest to the most specific, each in the order of registration. An error goes to the error
    handlers of the nearest group, then outward.
    """

    def __init__(
        self,
        prefix: str = "",
        *,
        middleware: Iterable[Around] = (),
        error_handlers: Iterable[OnError] = (),
    ) -> None:
        canonical(prefix)
        self._prefix = prefix
        self._middleware = list(middleware)
        self._error_handlers = list(error_handlers)
        # Methods (`None` is any, and `_SOCKETS` is an upgrade), patterns, and what answers.
        self._routes: list[tuple[str | None, str, Handled | Hooks | _Loop]] = []
        self._groups: list[Group] = []

    def on(self, method: str, pattern: str) -> Callable[[HandledT], HandledT]:
        """Answers that method, in upper case."""
        return self._add(method, pattern)

    def get(self, pattern: str) -> Callable[[HandledT], HandledT]:
        """Answers GET, and HEAD if nothing else does."""
        return self._add("GET", pattern)

    def post(self, pattern: str) -> Callable[[HandledT], HandledT]:
        """Answers POST."""
        return self._add("POST", pattern)

    def put(self, pattern: str) -> Callable[[HandledT], HandledT]:
        """Answers PUT."""
        return self._add("PUT", pattern)

    def patch(self, pattern: str) -> Callable[[HandledT], HandledT]:
        """Answers PATCH."""
        return self._add("PATCH", pattern)

    def delete(self, pattern: str) -> Callable[[HandledT], HandledT]:
        """Answers DELETE."""
        return self._add("DELETE", pattern)

    def head(self, pattern: str) -> Callable[[HandledT], HandledT]:
        """Answers HEAD."""
        return self._add("HEAD", pattern)

    def options(self, pattern: str) -> Callable[[HandledT], HandledT]:
        """Answers OPTIONS, in place of the host."""
        return self._add("OPTIONS", pattern)

    def any(self, pattern: str) -> Callable[[HandledT], HandledT]:
        """Answers every method for which the pattern has no other handler."""
        return self._add(None, pattern)

    def websocket(self, pattern: str) -> Callable[[H], H]:
        """Makes a class the hooks of this route's sockets. There is one value of it.

        Requests that ask for no upgrade go to the handlers of the same pattern, or else to
        `Hooks.upgrade`, which answers them with 426.
        """
        canonical(pattern)

        def add(cls: H) -> H:
            self.add_hooks(pattern, cls())
            return cls

        return add

    def add_hooks(self, pattern: str, hooks: Hooks) -> None:
        """The same for a value, which several routes may share."""
        canonical(pattern)
        check(hooks)
        for method in ("save", "restore", "health"):
            if hasattr(hooks, method):
                raise TypeError(
                    f"`{type(hooks).__name__}` is one of an app's hooks, and has `{method}`: "
                    f"register it by `@app.{method}`"
                )
        self._routes.append((_SOCKETS, pattern, hooks))

    def session(
        self, pattern: str, *, handler: Handled | None = None
    ) -> Callable[[SessionT], SessionT]:
        """Makes a function the session of this route's sockets: see `lithe_sdk.session`. An app with
        sessions is of the kind `session`, and has no hooks.

        A request that asks for an upgrade gets one, unless the handler answers it. Requests that ask
        for no upgrade go to the handlers of the same pattern, or else to this handler. Without one,
        they are answered with 426.
        """
        canonical(pattern)

        def add(function: SessionT) -> SessionT:
            self._routes.append((_SOCKETS, pattern, _Loop(function, handler)))
            return function

        return add

    def group(
        self,
        prefix: str,
        *,
        middleware: Iterable[Around] = (),
        error_handlers: Iterable[OnError] = (),
    ) -> Group:
        """Makes a group inside of this one. The prefix may have parameters."""
        group = Group(prefix, middleware=middleware, error_handlers=error_handlers)
        self.include(group)
        return group

    def include(self, group: Group) -> None:
        """Takes the routes of a group."""
        self._groups.append(group)

    def middleware(self, function: AroundT) -> AroundT:
        """Runs a function around every route of this app or group, wherever it stands among
        them."""
        self._middleware.append(function)
        return function

    def error_handler(self, function: OnErrorT) -> OnErrorT:
        """Has a function answer for errors in this app or group. If it returns `None`, the error
        goes to the error handler that was registered next, then outward."""
        self._error_handlers.append(function)
        return function

    def _add(self, method: str | None, pattern: str) -> Callable[[HandledT], HandledT]:
        canonical(pattern)

        def add(function: HandledT) -> HandledT:
            self._routes.append((method, pattern, function))
            return function

        return add

    def _collect(
        self, prefix: str, around: Callable[[Run], Run]
    ) -> Iterator[tuple[str | None, str, _Route]]:
        """Every route, with what is around it."""
        prefix = f"{prefix}/{self._prefix}"

        def inside(run: Run) -> Run:
            return around(self._layer(run))

        for method, pattern, answers in self._routes:
            sockets = answers if isinstance(answers, (Hooks, _Loop)) else None
            handler = answers.upgrade if isinstance(answers, (Hooks, _Loop)) else answers
            run = inside(_innermost(handler))
            yield method, canonical(f"{prefix}/{pattern}"), _Route(run, sockets)
        for group in self._groups:
            yield from group._collect(prefix, inside)

    def _layer(self, run: Run) -> Run:
        for function in reversed(self._middleware):
            run = _wrapped(function, run)
        return _recovered(self._error_handlers, run) if self._error_handlers else run


class App(Group):
    """One component with several routes: the host matches paths with the patterns, and tells the
    app which one it was. A module makes one.

        app = App()

        @app.get("/item/:id")
        def item(event: Event) -> Response:
            return Response.json({"id": event.param("id", int)})

    Patterns are those of a site: `/rooms/:id`, `:id(\\\\d+)` with a regular expression, `:id?`
    optional, `:path+` one segment or more, `:path*` any number, `*` one segment without a name,
    `**` any number without one.
    """

    def __init__(
        self, *, middleware: Iterable[Around] = (), error_handlers: Iterable[OnError] = ()
    ) -> None:
        super().__init__(middleware=middleware, error_handlers=error_handlers)
        self.saves: Callable[[], Any] | None = None
        self.restores: Callable[[Any], None] | None = None
        self._slots: dict[str, _Slots] | None = None
        # The hooks of the sockets that this instance has seen, by the socket's number.
        self._sockets: dict[int, Hooks] = {}
        component.register("app", self)

    def save(self, function: Save) -> Save:
        """Has a function return the memory that moves when a new version takes over: what JSON can
        say, or bytes. It leaves the memory as it is. If it raises, the instance goes on with its
        memory, and no other version takes over."""
        self.saves = function
        return function

    def restore(self, function: Restore) -> Restore:
        """Has a function add what another instance has saved. It may be called more than once. If
        the memory is bytes, its parameter says so: `saved: bytes`."""
        self.restores = function
        return function

    def health(self, function: HealthT) -> HealthT:
        """Has a function check a version before it serves anything: see `lithe_sdk.health`."""
        component.register("health", function)
        return function

    @property
    def slots(self) -> dict[str, _Slots]:
        """What answers for each pattern. Raises `ValueError` if two routes are the same."""
        if self._slots is None:
            slots: dict[str, _Slots] = {}
            for method, pattern, route in self._collect("", lambda run: run):
                slots.setdefault(pattern, _Slots()).add(method, pattern, route)
            self._slots = slots
        return self._slots

    def routes(self) -> Iterator[tuple[str | None, str]]:
        """The routes that the host is told of: methods (`None` is any) and patterns."""
        for pattern, slots in self.slots.items():
            for method in slots.methods():
                yield method, pattern

    @property
    def all_hooks(self) -> list[Hooks]:
        """The hooks of all routes."""
        found = (slots.hooks for slots in self.slots.values())
        return [hooks for hooks in found if hooks is not None]

    @property
    def has_sessions(self) -> bool:
        """Whether a route's sockets have a session."""
        return any(slots.session is not None for slots in self.slots.values())

    def session_of(self, socket: Socket) -> Session:
        """The session of a socket: the pattern of its request tells. Raises `LookupError` if there is
        none."""
        event = socket.event
        slots = None if event is None else self.slots.get(event.route)
        if slots is None or slots.session is None:
            pattern = "" if event is None else event.route
            raise LookupError(f"no session of the app is for `{pattern}`: `@app.session` adds one")
        return slots.session

    def answer(self, event: Event) -> Outcome:
        """Answers a request of one of the routes."""
        slots = self.slots.get(event.route)
        route = None if slots is None else slots.choose(event)
        if slots is None or route is None:
            raise LookupError(f"the app has no route for {event.method} of `{event.route}`")
        outcome = route.run(event)
        if isinstance(outcome, Upgrade) and slots.hooks is not None:
            self._sockets[outcome.socket] = slots.hooks
        return outcome

    def hooks_of(self, socket: int) -> Hooks:
        """The hooks that hear of a socket. For a socket that an earlier instance has accepted, the
        pattern of its request tells."""
        hooks = self._sockets.get(socket)
        if hooks is None:
            event = Socket(socket).event
            slots = None if event is None else self.slots.get(event.route)
            hooks = slots.hooks if slots is not None and slots.hooks is not None else _NO_HOOKS
            self._sockets[socket] = hooks
        return hooks

    def forget(self, socket: int) -> None:
        """The socket is gone."""
        self._sockets.pop(socket, None)


class _Loop:
    """The session of a route's sockets, and what answers their requests."""

    def __init__(self, run: Session, handler: Handled | None) -> None:
        self.run = run
        self.upgrade: Handled = handler or (lambda event: event.upgrade())


class _Route:
    def __init__(self, run: Run, sockets: Hooks | _Loop | None) -> None:
        self.run, self.sockets = run, sockets


class _Slots:
    """What answers for one pattern."""

    def __init__(self) -> None:
        self._by_method: dict[str | None, _Route] = {}

    def add(self, method: str | None, pattern: str, route: _Route) -> None:
        if method in self._by_method:
            name = {None: "any method", _SOCKETS: "sockets"}.get(method, method)
            raise ValueError(f"the app has two routes for {name} of `{pattern}`: remove one")
        self._by_method[method] = route

    @property
    def hooks(self) -> Hooks | None:
        sockets = self._sockets
        return sockets if isinstance(sockets, Hooks) else None

    @property
    def session(self) -> Session | None:
        sockets = self._sockets
        return sockets.run if isinstance(sockets, _Loop) else None

    @property
    def _sockets(self) -> Hooks | _Loop | None:
        route = self._by_method.get(_SOCKETS)
        return None if route is None else route.sockets

    def methods(self) -> list[str | None]:
        """The methods that something answers for; `None` is any."""
        named: list[Optional[str]] = [m for m in self._by_method if m not in (None, _SOCKETS)]
        takes_any = None in self._by_method or _SOCKETS in self._by_method
        return named + [None] if takes_any else named

    def choose(self, event: Event) -> _Route | None:
        sockets = self._by_method.get(_SOCKETS)
        if sockets is not None and event.is_upgrade_request:
            return sockets
        method = event.method
        found = self._by_method.get(method) or self._by_method.get(None)
        if found is None and method == "HEAD":
            found = self._by_method.get("GET")
        return found or sockets


# No method is empty.
_SOCKETS = ""

_UNHEARD = "no hooks of this version hear this socket"


class _NoHooks(Hooks):
    """The hooks of a socket whose route has none, or is gone. Without them it would stay silent."""

    def message(self, socket: Socket, message: Message) -> None:
        socket.fail(_UNHEARD)

    def resume(self, socket: Socket) -> None:
        socket.fail(_UNHEARD)


_NO_HOOKS = _NoHooks()


def answered(handler: Handled, event: Event) -> Outcome:
    """Calls a handler or a middleware to its end, and starts the stream if it answers with one."""
    outcome = _task.complete(handler(event))
    if isinstance(outcome, Stream):
        return _stream.start(outcome, event)
    if isinstance(outcome, (Response, Upgrade)):
        return outcome
    if outcome is None:
        raise _report.Unanswered(
            f"a handler or a middleware of `{event.method} {event.route}` has returned nothing: return "
            "a response, such as one with the status 204"
        )
    raise _report.Unanswered(
        f"a handler or a middleware of `{event.method} {event.route}` answers a Response, an Upgrade or a "
        f"Stream, and not {outcome!r}"
    )


def told(error: BaseException) -> HttpError:
    """What the client is told of an exception. One without an HTTP answer goes to the log in full,
    and the answer is a bare 500."""
    if isinstance(error, HttpError):
        return error
    _report.log(error)
    return HttpError(500, "Internal Server Error")


def _innermost(handler: Handled) -> Run:
    return lambda event: answered(handler, event)


def _wrapped(function: Around, run: Run) -> Run:
    return lambda event: answered(lambda event: function(event, lambda: run(event)), event)


def _recovered(handlers: list[OnError], run: Run) -> Run:
    def recover(event: Event) -> Outcome:
        try:
            return run(event)
        except BaseException as error:
            failure = told(error)
        for handler in handlers:
            try:
                response: Response | None = _task.complete(handler(event, failure))
            except BaseException as error:
                failure = told(error)
                continue
            if response is not None:
                return response
        raise failure

    return recover
