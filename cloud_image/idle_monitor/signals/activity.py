"""Whether artists did something: the guard writes a line whenever one sends something.

What counts is that the log has changed, not when it says it did: clocks can be set.
"""

from __future__ import annotations

from pathlib import Path

from ..verdict import Said, Sign
from .base import Memory, Signal, seconds_text


class ActivitySignal(Signal):
    """Busy at the first reading after the log has changed."""

    name = "activity"

    def __init__(self, log: Path) -> None:
        self._log = log
        self._known: list[int] | None = None
        self._changed_at: float | None = None

    def read(self, now: float) -> Sign:
        seen = self._look()
        changed = self._known is not None and seen != self._known
        self._known = seen
        if changed:
            self._changed_at = now
            return Sign(self.name, Said.BUSY, "An artist has just sent something.", 1.0)
        if self._changed_at is None:
            return Sign(self.name, Said.IDLE, "No artist has sent anything since it is watched.")
        return Sign(self.name, Said.IDLE, f"An artist sent something {seconds_text(now - self._changed_at)} ago.")

    def memory(self) -> Memory:
        return [self._known, self._changed_at]

    def recall(self, memory: Memory) -> None:
        match memory:
            case [[*known], float() | int() | None as changed_at] if all(isinstance(part, int) for part in known):
                self._known, self._changed_at = known, changed_at
            case [None, None]:
                self._known = self._changed_at = None
            case _:
                raise ValueError("not a memory of the activity log")

    def _look(self) -> list[int]:
        try:
            state = self._log.stat()
        except FileNotFoundError:
            return []
        return [state.st_ino, state.st_size, state.st_mtime_ns]
