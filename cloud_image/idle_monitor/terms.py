"""Until when something lasts that somebody wrote down by the wall clock: a lease, a hold.

When it is first seen it is carried over to the clock that nobody can set; so a clock that jumps neither ends nor prolongs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: A term further ahead was written, or is read, by a clock that is wrong: nothing lasts longer without being renewed.
LONGEST = 86_400.0


@dataclass(frozen=True, slots=True)
class Term:
    """`written`: the moment as it was written (epoch seconds). `ends`: the same by clock.boot."""

    written: float
    ends: float

    def as_json(self) -> list[float]:
        """For a file."""
        return [self.written, self.ends]

    @staticmethod
    def of_json(written: Any) -> Term | None:
        """What as_json wrote; None for None. Raises ValueError."""
        match written:
            case None:
                return None
            case [float() | int() as moment, float() | int() as ends]:
                return Term(float(moment), float(ends))
            case _:
                raise ValueError("not a term")


def carried(known: Term | None, written: float | None, *, boot: float, wall: float) -> Term | None:
    """The term for what is written now; the one that is known, as long as it says the same."""
    if written is None:
        return None
    if known is not None and known.written == written:
        return known
    return Term(written, boot + min(written - wall, LONGEST))
