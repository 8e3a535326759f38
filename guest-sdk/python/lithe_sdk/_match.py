"""Matches paths with an app's patterns, as the host does, for `lithe_sdk.testing`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ._pattern import name_end, regex_length, split


def route(patterns: Iterable[str], path: str) -> tuple[str, dict[str, str]] | None:
    """The pattern that a path has, and its parameters: the most specific of several."""
    given = [segment for segment in path.split("/") if segment]
    found = None
    for pattern in patterns:
        regex, specificity = _regex(pattern)
        match = regex.fullmatch("".join(f"/{segment}" for segment in given))
        if match is not None and (found is None or specificity > found[0]):
            named = {name: value for name, value in match.groupdict().items() if value is not None}
            found = specificity, pattern, {name: value.lstrip("/") for name, value in named.items()}
    return None if found is None else found[1:]


def _regex(pattern: str) -> tuple[re.Pattern[str], list[int]]:
    """A pattern as a regular expression, and how specific each segment is: text, text with
    parameters, a parameter, any number of segments."""
    regex, specificity = "", []
    for segment in split(pattern):
        one, rank = _segment(segment)
        regex += one
        specificity.append(rank)
    return re.compile(regex), specificity


def _segment(segment: str) -> tuple[str, int]:
    if segment.startswith("**"):
        name = segment[3:]
        return (f"(?P<{name}>(?:/[^/]+)+)" if name else "(?:/[^/]+)*"), 0
    parts, at, has_text = "", 0, False
    while at < len(segment):
        if segment[at] == ":":
            name = segment[at + 1 : name_end(segment, at + 1)]
            at += 1 + len(name)
            length = regex_length(segment, at)
            one = segment[at : at + length].replace("(", "(?:") if length else "[^/]+"
            at += length
            is_whole = segment.startswith(":") and not parts
            repeat = segment[at:] if is_whole else ""
            if repeat == "?":
                return f"(?:/(?P<{name}>{one}))?", 1
            if repeat in ("+", "*"):
                return f"(?P<{name}>(?:/{one}){repeat})", 0
            parts += f"(?P<{name}>{one})"
        elif segment[at] == "*":
            parts, at = parts + "[^/]+", at + 1
        else:
            parts, at, has_text = parts + re.escape(segment[at]), at + 1, True
    has_parameter = any(letter in segment for letter in ":*")
    return f"/{parts}", 3 - has_parameter - (has_parameter and not has_text)
