"""Sessions as events."""

from __future__ import annotations

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
    socket closes with 1011, and the traceback goes to the log.

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
