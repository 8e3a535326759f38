"""Ready-made middleware, for `App`, for groups, or for a `@middleware` of your own.

    app = App(middleware=[timing()])
    admin = app.group("/admin", middleware=[bearer_auth("secret")])

They add headers to every answer: also to an upgrade's 101, to a stream's head and to the answer of
an error.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar, Union

from ._app import told
from ._component import Next
from ._event import Event
from ._outcome import HttpError, Outcome, Response, WithHeaders

Middleware = Callable[[Event, Next], Outcome]

T = TypeVar("T")

# A value, or a function that gives it when a request comes. What the environment has is not there
# while the module is imported, so read `os.environ` in such a function.
Lazy = Union[T, Callable[[], T]]


def _value_of(lazy: Lazy[T]) -> T:
    return lazy() if callable(lazy) else lazy


def bearer_auth(*tokens: Lazy[str | None]) -> Middleware:
    """Lets requests and upgrades pass that have one of these tokens (`authorization: Bearer TOKEN`,
    RFC 6750). Others get 401. A token may be a function that returns it: `os.environ` is there only
    when a request comes. An empty token, or `None`, lets nobody pass.

        bearer_auth(lambda: os.environ.get("TOKEN"))
    """

    def check(event: Event, next: Next) -> Outcome:
        if not _is_any(map(_value_of, tokens), _credentials(event, "bearer")):
            raise _unauthorized("Bearer")
        return next()

    return check


def basic_auth(realm: str, users: Lazy[Mapping[str, str | None]]) -> Middleware:
    """Lets requests pass that have the name and the password of one of these users
    (`authorization: Basic …`, RFC 7617), and leaves the name as the local `user`. Others get 401,
    for which a browser asks its user for name and password, and shows the realm. The users may be a
    function that returns them. A user whose password is empty or `None` cannot pass.

        basic_auth("staff", lambda: {"ann": os.environ.get("PASSWORD")})
    """
    shown = realm.replace('"', "'").replace("\\", "'")

    def check(event: Event, next: Next) -> Outcome:
        try:
            user = base64.b64decode(_credentials(event, "basic"), validate=True).decode()
        except (binascii.Error, ValueError):
            user = ""
        known = _value_of(users).items()
        if not _is_any((f"{name}:{password}" for name, password in known if password), user):
            raise _unauthorized(f'Basic realm="{shown}", charset="UTF-8"')
        # A name has no colon; a password may (RFC 7617, 2).
        event.set_local("user", user.partition(":")[0])
        return next()

    return check


def cors(
    origins: Lazy[Iterable[str] | None] = None,
    *,
    methods: Iterable[str] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
    headers: Iterable[str] | None = None,
    expose: Iterable[str] = (),
    credentials: bool = False,
    max_age: int | None = None,
) -> Middleware:
    """Lets other sites' scripts make requests (Fetch Standard, 3.2), and answers their preflight
    requests in the handler's place. A preflight request reaches only a route that takes `OPTIONS`.

    Without `origins`, any site may, without cookies or other credentials. They may be a function that
    returns them. Without `headers`, a request may have any. A browser remembers the answer to a
    preflight for `max_age` seconds.

    It does not guard WebSockets, which browsers open to any site: for those, use `same_origin`.
    """
    # Read once if they are a value: an iterator gives them once.
    sites: Lazy[Iterable[str] | None] = (
        origins if origins is None or callable(origins) else frozenset(origins)
    )
    method_list, exposed = ", ".join(methods), ", ".join(expose)
    header_list = None if headers is None else ", ".join(headers)

    def mark(answer: WithHeaders, origin: str) -> bool:
        """Says what every answer to that origin says, and answers whether it is allowed."""
        allowed = _value_of(sites)
        if allowed is not None:
            answer.add_header("vary", "origin")
            if origin not in allowed:
                return False
        answer.set_header("access-control-allow-origin", "*" if allowed is None else origin)
        # Browsers refuse credentials for any site, and rightly.
        if credentials and allowed is not None:
            answer.set_header("access-control-allow-credentials", "true")
        if exposed:
            answer.set_header("access-control-expose-headers", exposed)
        return True

    def preflight(event: Event, origin: str) -> Response:
        response = Response(204)
        if not mark(response, origin):
            return response
        response.set_header("access-control-allow-methods", method_list)
        names = event.header("access-control-request-headers") if header_list is None else header_list
        if names is not None:
            response.set_header("access-control-allow-headers", names)
        if max_age is not None:
            response.set_header("access-control-max-age", str(int(max_age)))
        return response

    def check(event: Event, next: Next) -> Outcome:
        origin = event.header("origin")
        if origin is None:
            return next()
        if event.method == "OPTIONS" and event.header("access-control-request-method") is not None:
            return preflight(event, origin)
        return _with_headers(next, lambda answer: mark(answer, origin))

    return check


def same_origin(*others: Lazy[str | None]) -> Middleware:
    """Refuses upgrades that another site's page asks for, with 403, but for these other sites, such
    as `https://example.com`, or functions that return one.

    A browser lets any page open a WebSocket to any host, and sends the host's cookies with it. So a
    route that trusts cookies needs this. Clients other than browsers send no `origin`, and pass.
    """

    def check(event: Event, next: Next) -> Outcome:
        origin = event.header("origin")
        if origin is not None and event.is_upgrade_request:
            if origin in map(_value_of, others):
                return next()
            # Not the scheme: behind a proxy that ends TLS, the host does not know it.
            _, has_scheme, host = origin.partition("://")
            if not has_scheme or host.lower() != event.authority.lower():
                raise HttpError(403, "Forbidden")
        return next()

    return check


def request_id() -> Middleware:
    """Takes over the `x-request-id` of a proxy in front, if it is well-formed, and otherwise the
    host's own id. What runs after it finds the id in the local `request-id`, and the client in the
    answer's `x-request-id`."""

    def mark(event: Event, next: Next) -> Outcome:
        given = event.header("x-request-id") or ""
        is_well_formed = 1 <= len(given) <= 128 and all("!" <= letter <= "~" for letter in given)
        id = given if is_well_formed else event.id
        event.set_local("request-id", id)
        return _with_headers(next, lambda answer: answer.set_header("x-request-id", id))

    return mark


def timing() -> Middleware:
    """Writes into `server-timing` how long everything after it took. A browser's developer tools
    show that."""

    def measure(event: Event, next: Next) -> Outcome:
        start = time.perf_counter()

        def mark(answer: WithHeaders) -> None:
            milliseconds = (time.perf_counter() - start) * 1000
            answer.add_header("server-timing", f"total;dur={milliseconds:.3f}")

        return _with_headers(next, mark)

    return measure


def _with_headers(next: Next, change: Callable[[WithHeaders], object]) -> Outcome:
    """Changes the headers of an outcome, also of an error's answer."""
    try:
        outcome = next()
    except BaseException as error:
        failure = told(error)
        change(failure)
        raise failure from None
    change(outcome)
    return outcome


def _unauthorized(challenge: str) -> HttpError:
    return HttpError(401, "Unauthorized", {"www-authenticate": challenge})


def _is_any(secrets: Iterable[str | None], given: str) -> bool:
    """Compares with all of them, so that the time does not tell which one fits."""
    found = False
    for secret in secrets:
        found |= hmac.compare_digest((secret or "").encode(), given.encode())
    return found and given != ""


def _credentials(event: Event, scheme: str) -> str:
    given, _, credentials = (event.header("authorization") or "").partition(" ")
    return credentials.strip() if given.lower() == scheme else ""
