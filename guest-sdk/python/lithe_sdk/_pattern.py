"""Patterns of paths, as far as the SDK reads them. The host matches paths."""

from __future__ import annotations

import re

_GOOD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def canonical(pattern: str) -> str:
    """The one spelling of a pattern: a leading `/`, no empty segments, no trailing `/`. Raises
    `ValueError` if it is malformed."""
    segments = split(pattern)
    names: list[str] = []
    for place, segment in enumerate(segments):
        takes_many = _read(segment, names)
        if takes_many and place + 1 < len(segments):
            raise ValueError(
                f"pattern `{pattern}` is malformed: a part that takes any number of segments has to be the last"
            )
    for name in names:
        if not _GOOD_NAME.fullmatch(name):
            raise ValueError(
                f"pattern `{pattern}` is malformed: `{name}` is not a name: use letters, digits and `_`, not "
                "beginning with a digit"
            )
        if names.count(name) > 1:
            raise ValueError(f"pattern `{pattern}` is malformed: parameter `{name}` stands twice in it")
    return "/" + "/".join(segments)


def _read(segment: str, names: list[str]) -> bool:
    """Adds the segment's names, and answers whether it takes any number of segments."""
    if segment.startswith("**"):
        if segment.startswith("**:"):
            names.append(segment[3:])
        return True
    at, captures = 0, 0
    while at < len(segment):
        if segment[at] == ":":
            end = name_end(segment, at + 1)
            names.append(segment[at + 1 : end])
            at, captures = end + regex_length(segment, end), captures + 1
            # A modifier of a whole segment, and not of a parameter inside one.
            if captures == 1 and segment.startswith(":") and segment[at:] in ("+", "*"):
                return True
        else:
            at += 1
    return False


def name_end(segment: str, start: int) -> int:
    """Where the name of a parameter ends."""
    while start < len(segment) and (segment[start] == "_" or segment[start].isalnum()):
        start += 1
    return start


def split(pattern: str) -> list[str]:
    """Splits at `/`, outside of regular expressions. Empty segments are dropped."""
    segments, start, at = [], 0, 0
    while at < len(pattern):
        if pattern[at] == "(":
            at += regex_length(pattern, at)
        elif pattern[at] == "/":
            segments.append(pattern[start:at])
            at += 1
            start = at
        else:
            at += 1
    segments.append(pattern[start:])
    return [segment for segment in segments if segment]


def regex_length(text: str, start: int) -> int:
    """The length of a regular expression with its parentheses; 0 if the text has none here."""
    if not text.startswith("(", start):
        return 0
    depth, is_escaped = 0, False
    for at in range(start, len(text)):
        letter = text[at]
        if is_escaped:
            is_escaped = False
        elif letter == "\\":
            is_escaped = True
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        if depth == 0:
            return at + 1 - start
    raise ValueError(f"pattern `{text}` is malformed: a `(` has no `)`")
