"""Groups of sockets that hear the same messages."""

from __future__ import annotations

from . import _host
from ._socket import Sendable, Socket, to_host


def publish(topic: str, message: Sendable) -> int:
    """To every subscriber; answers for how many it was queued."""
    return int(_host.topics.publish(topic, to_host(message), None))


def members(topic: str | None = None) -> list[Socket]:
    """The subscribers; without a topic, all of the component's sockets."""
    return [Socket(id) for id in _host.topics.members(topic)]
