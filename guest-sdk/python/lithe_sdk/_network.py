"""What a component does not have, and words that say so."""

from __future__ import annotations

import errno
import sys
from typing import Any, NoReturn

_CALLS = ("create_connection", "create_server", "getaddrinfo", "gethostbyaddr", "gethostbyname")
_METHODS = ("bind", "connect", "connect_ex")


def cut_off() -> None:
    """Has outbound calls say why they fail, and imports at run time. The module and all that it
    imports are there by now."""
    module: Any = sys.modules.get("socket")
    if module is not None:
        for name in _CALLS:
            setattr(module, name, _refuse)
        for name in _METHODS:
            setattr(module.socket, name, _refuse)
    sys.meta_path.append(_Late())


def _refuse(*_arguments: object, **_options: object) -> NoReturn:
    raise OSError(
        errno.ENETUNREACH,
        "Lithe gives a component no network: no sockets, no names, no outbound requests",
    )


class _Late:
    """A finder of modules, as `sys.meta_path` has them."""

    def find_spec(self, name: str, _path: object, _target: object = None) -> NoReturn:
        raise ModuleNotFoundError(
            f"No module named {name!r} in the component: import it at the top of a module, for the "
            "build takes along what is imported then",
            name=name,
        )
