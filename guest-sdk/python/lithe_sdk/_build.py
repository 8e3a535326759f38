"""What `lithe build` runs in the interpreter: it imports the author's module, and says what the
component exports. The interpreter is saved as it is then."""

from __future__ import annotations

import importlib
import json
import linecache
import sys

from . import _host, _json, _network, _report, _state
from ._component import component
from ._hooks import defines

# Where the author's module lies for the interpreter.
SOURCE = "/app"


def load(module: str, kind: str, shown: str, output: str) -> None:
    """Imports the module, which `lithe.toml` says is of that kind. Writes the names of the
    component's exports to a file, or why it is not one. `shown` is the author's name for
    `SOURCE`."""
    result: dict[str, object] = {}
    try:
        _find_modules()
        with _host.absent():
            importlib.import_module(module)
        result["exports"] = exports(module, kind)
    except Unfit as error:
        result["unfit"] = str(error)
    except BaseException as error:
        result["traceback"] = report(error, shown)
    _keep_lines()
    _network.cut_off()
    _json.bound_json()
    sys.stdout.flush()
    sys.stderr.flush()
    with open(output, "w") as file:
        json.dump(result, file)


def _find_modules() -> None:
    """Looks for modules where they are now, and not where they were when the interpreter was made."""
    sys.path[:] = [SOURCE, "/packages", "/python"]
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()


class Unfit(Exception):
    """The module has been imported, and is not what it has to be."""


def exports(module: str, kind: str) -> list[str]:
    """What the component exports besides what its kind says. Raises `Unfit`."""
    try:
        found = _kinds()
    except ValueError as error:
        raise Unfit(f"`{module}`: {error}") from None
    if not found:
        raise Unfit(
            f"`{module}` has no `App`, `@handler`, `@hooks`, `@session`, `@middleware` or "
            "`@error_handler`"
        )
    if kind not in found:
        raise Unfit(
            f'`{module}` is of the kind "{found[0]}": say so in `lithe.toml`, not "{kind}"'
        )
    names = set()
    try:
        if _state.functions() is not None:
            names.add("state")
        if component.app is not None and list(component.app.routes()):
            names.add("routes")
    except (TypeError, ValueError) as error:
        raise Unfit(f"`{module}`: {error}") from None
    app, hooks = component.app, component.hooks
    all_hooks = app.all_hooks if app is not None else [] if hooks is None else [hooks]
    if all_hooks:
        names.add("batch")
    if any(defines(hooks, "resume") for hooks in all_hooks):
        names.add("resume")
    if component.health is not None or hasattr(component.hooks, "health"):
        names.add("health")
    if kind == "session" and "state" in names:
        raise Unfit(
            f"`{module}` has sessions (`@app.session`) and memory to save: each session has a memory of "
            "its own, which moves nowhere"
        )
    if kind != "hooks" and "state" in names:
        raise Unfit(
            f"`{module}` has memory to save, and instances of the kind \"{kind}\" come and go: say "
            '"hooks" in `lithe.toml`'
        )
    return sorted(names)


def _kinds() -> list[str]:
    """The kinds that the component can be of, the usual one first."""
    app = component.app
    if app is not None:
        if app.has_sessions and app.all_hooks:
            raise ValueError(
                "the app has hooks (`@app.websocket`) and sessions (`@app.session`), and a component "
                "has one of both: make two"
            )
        if app.has_sessions:
            return ["session"]
        return ["hooks"] if app.all_hooks else ["route", "hooks"]
    if component.hooks is not None:
        return ["hooks"]
    if component.session is not None:
        return ["session"]
    if component.middleware is not None:
        return ["middleware"]
    if component.error_handler is not None:
        return ["error"]
    # Streams need the kind `hooks`.
    return [] if component.handler is None else ["route", "hooks"]


def report(error: BaseException, shown: str) -> str:
    """Python's own traceback, of the author's frames."""
    summary = _report.traceback(error, _is_authors)
    for part in _report.parts(summary):
        for frame in part.stack:
            frame.filename = _shown(frame.filename, shown)
        # That of a syntax error.
        filename = getattr(part, "filename", None)
        if filename is not None:
            part.filename = _shown(filename, shown)
    has_frames = any(frame.filename.startswith(shown) for frame in summary.stack)
    lines = summary.format() if has_frames else summary.format_exception_only()
    return "".join(lines).rstrip("\n")


def _shown(filename: str, shown: str) -> str:
    return shown + filename.removeprefix(SOURCE) if _is_authors(filename) else filename


def _is_authors(filename: str) -> bool:
    return filename.startswith(f"{SOURCE}/")


def _keep_lines() -> None:
    """Keeps the lines of the author's modules, for tracebacks: there are no files at run time."""
    for module in list(sys.modules.values()):
        filename = getattr(module, "__file__", None)
        if filename is not None and _is_authors(filename):
            lines = linecache.getlines(filename)
            # Without a time of change, they are not looked for again.
            linecache.cache[filename] = (sum(map(len, lines)), None, lines, filename)
