"""Whether somebody keeps the machine awake: as the agent was told, or as the machine's tag says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ...errors import MetadataError
from ..terms import Term, carried
from ..verdict import Said, Sign
from .base import Memory, Signal, seconds_text

#: A tag's value as a moment (epoch seconds), None without one. Raises MetadataError.
TagReader = Callable[[], float | None]


class HoldSignal(Signal):
    """Busy until the later of the two is over. `tag` is None where there is no cloud."""

    name = "hold"

    def __init__(self, file: Path, tag: TagReader | None, wall: Callable[[], float]) -> None:
        self._file, self._tag, self._wall = file, tag, wall
        self._told: Term | None = None
        self._tagged: Term | None = None

    def read(self, now: float) -> Sign:
        flaw = ""
        try:
            self._told = carried(self._told, self._order(), boot=now, wall=self._wall())
        except ValueError:
            flaw = f"{self._file} cannot be read, so nobody knows whether somebody keeps the machine awake."
        if self._tag is not None:
            try:
                self._tagged = carried(self._tagged, self._tag(), boot=now, wall=self._wall())
            except MetadataError as error:
                flaw = f"Whether the machine's tag keeps it awake is not known. {error}"
        ends = max((term.ends for term in (self._told, self._tagged) if term is not None), default=now)
        if ends > now:
            return Sign(self.name, Said.BUSY, f"Somebody keeps it awake for {seconds_text(ends - now)} more.", ends - now)
        return Sign(self.name, Said.MISSING, flaw) if flaw else Sign(self.name, Said.IDLE, "Nobody keeps it awake.")

    def memory(self) -> Memory:
        return [term and term.as_json() for term in (self._told, self._tagged)]

    def recall(self, memory: Memory) -> None:
        if not isinstance(memory, list) or len(memory) != 2:
            raise ValueError("not a memory of holds")
        self._told, self._tagged = Term.of_json(memory[0]), Term.of_json(memory[1])

    def _order(self) -> float | None:
        """What the agent was told. Raises ValueError."""
        try:
            return float(json.loads(self._file.read_text(encoding="utf-8"))["until"])
        except FileNotFoundError:
            return None
        except (KeyError, TypeError) as flaw:
            raise ValueError("not a hold") from flaw
