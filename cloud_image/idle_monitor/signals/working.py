"""Work that no other signal shows, such as a sync of models: who has set a mark."""

from __future__ import annotations

from pathlib import Path

from ... import marks
from ..verdict import Said, Sign
from .base import Signal


class MarksSignal(Signal):
    """Busy while a living process has a mark."""

    name = "marks"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, now: float) -> Sign:
        names = marks.busy(self._folder)
        if names:
            return Sign(self.name, Said.BUSY, f"Work goes on: {', '.join(names)}.", len(names))
        return Sign(self.name, Said.IDLE, "No sync and no download goes on.")
