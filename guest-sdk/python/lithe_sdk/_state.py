"""Memory that moves when a new version takes over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._component import component
from ._json import bound_levels, from_json, json_bytes

Save = Callable[[], Any]
Restore = Callable[[Any], None]


def functions() -> tuple[Save, Restore] | None:
    """What saves and restores, if the component has state. Raises `TypeError` if it has only one
    of them."""
    if component.app is not None:
        save, restore = component.app.saves, component.app.restores
    else:
        save = getattr(component.hooks, "save", None)
        restore = getattr(component.hooks, "restore", None)
    if save is None and restore is None:
        return None
    if save is None or restore is None:
        there, missing = ("restore", "save") if save is None else ("save", "restore")
        raise TypeError(f"there is `{there}`, and no `{missing}`: memory moves by both")
    return save, restore


def saved() -> bytes:
    """What the component saves, for the host."""
    save, restore = _functions()
    value = save()
    if isinstance(value, (bytes, bytearray)):
        if not _takes_bytes(restore):
            raise TypeError("`save` returns bytes: write `saved: bytes` in `restore`, too")
        return bytes(value)
    data = json_bytes(value)
    try:
        bound_levels(data)
    except ValueError as error:
        # The memory would be lost with this instance.
        raise ValueError(f"`restore` could not read what `save` returns: {error}") from None
    return data


def take(value: bytes) -> None:
    """Restores what another instance has saved."""
    _, restore = _functions()
    if _takes_bytes(restore):
        restore(value)
        return
    try:
        decoded = from_json(value)
    except ValueError as error:
        raise ValueError(f"what the other version has saved is not JSON: {error}") from None
    restore(decoded)


def _functions() -> tuple[Save, Restore]:
    found = functions()
    assert found is not None
    return found


def _takes_bytes(restore: Restore) -> bool:
    annotations = getattr(restore, "__annotations__", {})
    taken = [kind for name, kind in annotations.items() if name != "return"]
    return taken[:1] in (["bytes"], [bytes])
