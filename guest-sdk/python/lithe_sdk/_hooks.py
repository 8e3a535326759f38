"""Sessions as events."""

from __future__ import annotations

from ._event import Event
from ._outcome import Outcome
from ._socket import CloseInfo, Message, Socket


class Hooks:
    """What happens to the sockets of one component. All are in one instance, so they share its
    memory.

    Override the methods that you need. One that raises fails its session: the socket closes with
    1011, and the traceback goes to the log.
    """

    def upgrade(self, event: Event) -> Outcome:
        """Answers a request. By default, each request that asks for an upgrade gets one."""
        return event.upgrade()

    def open(self, socket: Socket) -> None:
        """The handshake is complete."""

    def message(self, socket: Socket, message: Message) -> None:
        """A message has arrived."""

    def drain(self, socket: Socket) -> None:
        """The outbound queue has emptied after `send` found it full."""

    def close(self, socket: Socket, info: CloseInfo) -> None:
        """The socket has ended. This is its last call: it comes exactly once, even if the handshake
        was not completed."""

    def timer(self, timer: int) -> None:
        """A timer of `set_timer` is due."""
