"""Sessions as events."""

from __future__ import annotations

from ._event import Event
from ._outcome import Outcome
from ._socket import CloseInfo, Message, Socket


class Hooks:
    """What happens to the sockets of one component: all in one instance, so they share its memory.

    Override what you need. A method that raises fails its session: the socket closes with 1011, and the
    traceback is in the log.
    """

    def upgrade(self, event: Event) -> Outcome:
        """Any request: by default, upgrades what asks for it."""
        return event.upgrade()

    def open(self, socket: Socket) -> None:
        """The handshake is complete."""

    def message(self, socket: Socket, message: Message) -> None:
        """A peer has said something."""

    def drain(self, socket: Socket) -> None:
        """The queue has emptied after `send` found it full."""

    def close(self, socket: Socket, info: CloseInfo) -> None:
        """The last call for this socket, exactly once, also where the handshake was not completed."""

    def timer(self, timer: int) -> None:
        """A timer of `set_timer` is due."""
