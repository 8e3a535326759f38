"""Groups of sockets that hear the same messages."""

from __future__ import annotations

from . import _host
from ._socket import Sendable, Socket, to_host


def publish(topic: str, message: Sendable) -> int:
    """Queues a message for every subscriber, and returns for how many."""
    return int(_host.topics.publish(topic, to_host(message), None))


def members(topic: str | None = None) -> list[Socket]:
    """The subscribers of a topic. Without a topic, all of the component's WebSockets."""
    return [Socket(id) for id in _host.topics.members(topic)]
