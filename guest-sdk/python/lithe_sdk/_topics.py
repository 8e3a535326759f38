"""Groups of sockets that hear the same messages."""

from __future__ import annotations

from . import _host
from ._socket import Sendable, Socket, to_host
from ._text import well_formed


def publish(topic: str, message: Sendable, exclude: Socket | None = None) -> int:
    """Queues a message for every subscriber but the excluded one, and returns for how many."""
    not_to = None if exclude is None else exclude.id
    return int(_host.topics.publish(well_formed(topic), to_host(message), not_to))


def members(topic: str | None = None) -> list[Socket]:
    """The subscribers of a topic. Without a topic, all of the component's WebSockets."""
    return [Socket(id) for id in _members(topic)]


def count(topic: str | None = None) -> int:
    """How many they are."""
    return len(_members(topic))


def _members(topic: str | None) -> list[int]:
    return list(_host.topics.members(None if topic is None else well_formed(topic)))
