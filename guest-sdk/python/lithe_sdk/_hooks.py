"""Sessions as events."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from typing import Any, Optional, Union

from ._event import Event
from ._outcome import Outcome
from ._socket import CloseInfo, Message, Socket

Done = Optional[Awaitable[None]]


class Hooks:
    """What happens to the sockets of one component, or of one route of an app. All are in one
    instance, so they share its memory.

    Override the methods that you need; each may be `async`. One that raises fails its session: the
    socket closes with 1011, and the traceback goes to the log. A class may have other methods, too.
    A public one whose name is almost that of a hook is refused, since nothing would call it.

    A class may define two more methods, both or neither, for memory that moves when a new version
    takes over:

    - `save(self)` returns it: what JSON can say, or bytes. It leaves the memory as it is: the host
      asks in a dry run of a deploy, too. If it raises, the instance goes on with its memory, and no
      other version takes over;
    - `restore(self, saved)` adds what another instance has saved. It may be called more than once.
      If `save` returns bytes, its parameter says so: `saved: bytes`.

    And a method `health(self)`, which the host calls before a version serves anything: an exception
    keeps the version before, and its text is the reason.
    """

    def upgrade(self, event: Event) -> Union[Outcome, Awaitable[Outcome]]:
        """Answers a request. By default, each request that asks for an upgrade gets one."""
        return event.upgrade()

    def open(self, socket: Socket) -> Done:
        """The handshake is complete."""
        return None

    def message(self, socket: Socket, message: Message) -> Done:
        """A message has arrived."""
        return None

    def drain(self, socket: Socket) -> Done:
        """The outbound queue has emptied after `send` found it full."""
        return None

    def resume(self, socket: Socket) -> Done:
        """Another version has had this socket until now. It comes once for each socket, after
        `restore` and before any other event. Attachment, topics and protocol are as they were;
        timers and tasks have ended with the version before."""
        return None

    def close(self, socket: Socket, info: CloseInfo) -> Done:
        """The socket has ended. This is its last call: it comes exactly once, even if the handshake
        was not completed."""
        return None

    def timer(self, timer: int) -> Done:
        """A timer of `set_timer` is due that has no callback."""
        return None


# Hears of sockets that nothing else hears of.
NO_HOOKS = Hooks()


def defines(hooks: Any, method: str) -> bool:
    """Whether a class of hooks has this method itself, and not from `Hooks`."""
    own = getattr(type(hooks), method, None)
    return own is not None and own is not getattr(Hooks, method, None)


# Methods that a class may have besides those of `Hooks`, and that the host calls, too.
_OTHERS = ("save", "restore", "health")

# Names that other SDKs have for what a hook does here.
_REQUEST = "`upgrade` answers all requests, and `event.is_upgrade_request` tells them apart"
_ELSEWHERE = {
    "error": "a hook that raises fails its session, and the log has the traceback",
    "handle": _REQUEST,
    "receive": "`message` hears of a message",
    "request": _REQUEST,
}


def check(hooks: Any) -> None:
    """Refuses what is not of a class of hooks, and methods that are meant as hooks, but that nothing
    would call. Raises `TypeError`."""
    cls = type(hooks)
    if not isinstance(hooks, Hooks):
        raise TypeError(f"`{cls.__name__}` is not a class of hooks: write `class {cls.__name__}(Hooks)`")
    known = [*_public_methods(Hooks), *_OTHERS]
    for name in _public_methods(cls):
        if name in known:
            continue
        bare = name.lower().removeprefix("on").lstrip("_")
        why = _ELSEWHERE.get(bare)
        near = next((hook for hook in known if bare == hook or _is_near(name, hook)), None)
        if why is None and near is not None:
            why = f"is `{near}` meant?"
        if why is not None:
            raise TypeError(
                f"`{cls.__name__}` has `{name}`, which is not a hook, so nothing would call it: {why}. The "
                f"hooks are {_listed(known)}. If it is a method of your own, name it `_{name}`"
            )


def _public_methods(cls: type) -> list[str]:
    names = (name for name in dir(cls) if not name.startswith("_"))
    return [name for name in names if inspect.isroutine(getattr(cls, name))]


def _listed(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _is_near(one: str, other: str) -> bool:
    """Whether one name becomes the other by one edit: a letter more, less, or another, or two
    neighbours exchanged."""
    if abs(len(one) - len(other)) > 1:
        return False
    at = next((at for at, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    one, other = one[at:], other[at:]
    is_exchanged = one[:2] == other[1::-1] and one[2:] == other[2:]
    return is_exchanged or one[1:] == other[1:] or one[1:] == other or one == other[1:]
