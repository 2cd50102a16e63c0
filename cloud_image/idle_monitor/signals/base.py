"""What a signal is, and one whose readings are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..verdict import Said, Sign

#: Plain JSON.
Memory = Any


class Signal(Protocol):
    """One place where work can be seen.

    `read` has a deadline of a few seconds. It may raise OSError or MachineError: then it is missing. What it has to know of
    earlier readings goes through `memory`, since every run may be a process of its own.
    """

    name: str

    def read(self, now: float) -> Sign:
        """What there is at `now` (clock.boot)."""

    def memory(self) -> Memory:
        """What the next process has to know, as JSON."""
        return None

    def recall(self, memory: Memory) -> None:
        """Goes on from a memory. Raises ValueError when it is not one of this signal."""
        return None


class GivenSignal(Signal):
    """Says one thing after the other, and the last one for ever; for tests and simulations."""

    def __init__(self, name: str, *says: Said, sentence: str = "") -> None:
        self.name = name
        self.says: Sequence[Said] = says or (Said.IDLE,)
        self.sentence = sentence
        self.reads = 0

    def read(self, now: float) -> Sign:
        said = self.says[min(self.reads, len(self.says) - 1)]
        self.reads += 1
        return Sign(self.name, said, self.sentence or f"{self.name} is {said}.")


def seconds_text(seconds: float) -> str:
    """A duration as people say it, such as `12 min`."""
    if seconds < 120:
        return f"{max(0.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
