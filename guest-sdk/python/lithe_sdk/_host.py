"""The one seam between the SDK and its host: the bindings that componentize-py makes from the contract.

A world has only what its kind may import, so the rest is missing here, and what needs it says so.
"""

from __future__ import annotations

from typing import Any

Err: Any
event: Any
http: Any
next: Any
outcome: Any
receiver: Any
socket: Any
streams: Any
timers: Any
topics: Any
ws: Any

try:
    from componentize_py_types import Err
    from wit_world.imports import event, http, outcome, socket, streams, topics, ws
except ImportError:
    from ._fake import Err, event, http, outcome, receiver, socket, streams, timers, topics, ws
    from ._fake import next_ as next
else:
    try:
        from wit_world.imports import timers
    except ImportError:
        timers = None
    try:
        from wit_world.imports import receiver
    except ImportError:
        receiver = None
    try:
        from wit_world.imports import next
    except ImportError:
        next = None
