"""Which name a new file gets beside those that are there: as ComfyUI counts. Values in, values out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

#: `ComfyUI_00001_.png`: what is counted, its number, and the rest. Nodes that save films write no second underscore. A number
#: that does not begin with a zero is no count of one job's files, but part of a name that somebody chose.
_NUMBERED = re.compile(r"(?P<prefix>.+_)(?P<number>0\d{4})(?P<rest>\D.*|)", re.DOTALL)
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A name in three parts; `prefix` with its underscore."""

    prefix: str
    number: int
    rest: str

    def at(self, number: int) -> str:
        """The same name with another number."""
        return f"{self.prefix}{number:05}{self.rest}"


def numbered(name: str) -> Numbered | None:
    """The parts of a name that an engine counted; None for one that it did not."""
    match = _NUMBERED.fullmatch(name)
    return Numbered(match["prefix"], int(match["number"]), match["rest"]) if match else None


def follower(wanted: Numbered, first: str) -> int:
    """The number of a further file of a job, whose first one of this prefix is called `first` here.

    An engine counts from 1 in a job's own folder, and what belongs together there (a film, its sound and its first picture) bears
    one number: distances are kept.
    """
    return (number_of(first, wanted.prefix) or 1) + wanted.number - 1


def number_of(name: str, prefix: str) -> int | None:
    """The number that follows `prefix` in a name."""
    match = _DIGITS.match(name, len(prefix)) if name.startswith(prefix) else None
    return int(match[0]) if match else None


def beyond(prefix: str, names: Iterable[str]) -> int:
    """The number behind all that these names bear."""
    return max((number for name in names if (number := number_of(name, prefix)) is not None), default=0) + 1


def next_copy(name: str, taken: Collection[str]) -> str:
    """`a.png`, else `a (1).png` and so on: the first that is free."""
    path, number, candidate = PurePosixPath(name), 0, name
    while candidate in taken:
        number += 1
        candidate = f"{path.stem} ({number}){path.suffix}"
    return candidate
