"""Handlers and WebSocket sessions for Lithe, as WebAssembly components.

One module says what the component is, by one decorator or an `App`::

    from lithe_sdk import Event, Response, handler

    @handler
    def hello(event: Event) -> Response:
        return Response.text(f"Hello from {event.path}")

`App` has several routes. `hooks` is for a class whose methods are a session's events, `session` for a
function that is a session, `middleware` and `error_handler` for what runs around handlers.
"""

from ._app import App, Group
from ._component import Handled, Next, error_handler, handler, health, hooks, middleware, session
from ._cookie import Cookie
from ._event import Event
from ._hooks import Hooks
from ._middleware import basic_auth, bearer_auth, cors, request_id, same_origin, timing
from ._outcome import HttpError, Outcome, Response, Sse, Stream, Upgrade
from ._socket import Closed, CloseInfo, Message, QueueFull, SendError, Socket, TimedOut, TooLarge
from ._task import sleep, spawn
from ._timers import cancel_timer, set_timer
from ._topics import count, members, publish
from ._values import Values

__all__ = [
    "App",
    "CloseInfo",
    "Closed",
    "Cookie",
    "Event",
    "Group",
    "Handled",
    "Hooks",
    "HttpError",
    "Message",
    "Next",
    "Outcome",
    "QueueFull",
    "Response",
    "SendError",
    "Socket",
    "Sse",
    "Stream",
    "TimedOut",
    "TooLarge",
    "Upgrade",
    "Values",
    "basic_auth",
    "bearer_auth",
    "cancel_timer",
    "cors",
    "count",
    "error_handler",
    "handler",
    "health",
    "hooks",
    "members",
    "middleware",
    "publish",
    "request_id",
    "same_origin",
    "session",
    "set_timer",
    "sleep",
    "spawn",
    "timing",
]
