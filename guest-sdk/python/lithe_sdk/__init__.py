"""Handlers and WebSocket sessions for Lithe, as WebAssembly components.

One module says what the component is, by one decorator::

    from lithe_sdk import Event, Response, handler

    @handler
    def hello(event: Event) -> Response:
        return Response.text(f"Hello from {event.path}")

`hooks` is for a class whose methods are a session's events, `session` for a function that is a session,
`middleware` and `error_handler` for what runs around handlers.
"""

from ._app import Handled, Next, error_handler, handler, hooks, middleware, session
from ._event import Event
from ._hooks import Hooks
from ._outcome import HttpError, Outcome, Response, Stream, Upgrade
from ._socket import CloseInfo, Message, SendError, Socket, TimedOut
from ._timers import cancel_timer, set_timer
from ._topics import members, publish

__all__ = [
    "CloseInfo",
    "Event",
    "Handled",
    "Hooks",
    "HttpError",
    "Message",
    "Next",
    "Outcome",
    "Response",
    "SendError",
    "Socket",
    "Stream",
    "TimedOut",
    "Upgrade",
    "cancel_timer",
    "error_handler",
    "handler",
    "hooks",
    "members",
    "middleware",
    "publish",
    "session",
    "set_timer",
]
