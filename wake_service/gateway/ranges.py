"""Which bytes of something a request asks for (RFC 9110, 13 and 14). Values in, values out."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from `start` up to, but without, `stop`; `partial` when they were asked for as a range."""

    start: int
    stop: int
    partial: bool = False


class Unsatisfiable(ValueError):
    """A range that begins behind the end."""


def span_of(header: str | None, if_range: str | None, etag: str, size: int) -> Span:
    """What `Range` asks for. What is no range of bytes, several ranges, or one of something else is answered whole.

    Raises Unsatisfiable.
    """
    whole = Span(0, size)
    found = _ONE_RANGE.fullmatch(header.strip()) if header else None
    if found is None or (if_range is not None and if_range.strip() != etag):
        return whole
    first, last = found.groups()
    if not (first or last) or len(first) > _MOST_DIGITS or len(last) > _MOST_DIGITS:
        return whole
    if not first:
        length = min(int(last), size)
        start, stop = size - length, size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return whole
    if start >= stop:
        raise Unsatisfiable
    return Span(start, stop, partial=True)


def unchanged(if_none_match: str | None, etag: str) -> bool:
    """Whether the caller has it already."""
    if if_none_match is None:
        return False
    known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return "*" in known or etag in known
