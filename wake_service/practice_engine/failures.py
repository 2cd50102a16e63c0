"""Failures on request: what happens to real engines, at a known step and as often as wanted."""

from __future__ import annotations

import logging
import os
import signal
import threading
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

log = logging.getLogger(__name__)


class Interrupted(Exception):
    """The prompt was interrupted by a client."""


class OutOfMemory(Exception):
    """The imitated GPU has no memory left; clients see torch's own name for it."""

    reported_type = "torch.OutOfMemoryError"

    def __init__(self, wanted_gib: float = 2.0) -> None:
        super().__init__(
            f"Allocation on device 0 would exceed allowed memory. (out of memory)\nTried to allocate {wanted_gib:.2f} GiB."
        )


class Kind(StrEnum):
    """Ways to fail. `tight` is out of memory too, except for a prompt that decodes in tiles: that one fits."""

    OUT_OF_MEMORY = "oom"
    TIGHT = "tight"
    HANG = "hang"
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class Failure:
    """One way to fail, in sampling step `step` (counted from 1; a picture with fewer steps fails in its last)."""

    kind: Kind
    step: int

    @classmethod
    def parse(cls, text: str) -> Failure:
        """Reads `crash@3`; ValueError says what is wrong with other texts."""
        kind, at, step = text.partition("@")
        if kind not in list(Kind) or not at or not step.isdigit() or int(step) < 1:
            raise ValueError(f"{text!r} is not a failure: write oom@STEP, tight@STEP, hang@STEP or crash@STEP, with STEP from 1.")
        return cls(Kind(kind), int(step))


class FailurePlan:
    """Decides per prompt whether it fails, and carries it out.

    `first`: only so many prompts fail. `counter`: the file that keeps their number across restarts; without it the
    number starts at 0 with the process.
    """

    def __init__(self, failure: Failure | None, first: int | None = None, counter: Path | None = None) -> None:
        self._failure = failure
        self._first = first
        self._counter = counter
        self._failed = _read(counter)

    def at_step(self, step: int, steps: int, *, frugal: bool = False) -> None:
        """To be called before each sampling step of a prompt, `frugal` or not.

        Raises OutOfMemory, never returns (hang), or ends the process (crash).
        """
        failure = self._failure
        if failure is None or step != min(failure.step, steps) or (self._first is not None and self._failed >= self._first):
            return
        if failure.kind is Kind.TIGHT and frugal:
            return
        self._failed += 1
        self._write()
        log.warning("Practice failure on request: %s in step %d of %d.", failure.kind, step, steps)
        if failure.kind in (Kind.OUT_OF_MEMORY, Kind.TIGHT):
            raise OutOfMemory
        if failure.kind is Kind.HANG:
            threading.Event().wait()
        os.kill(os.getpid(), signal.SIGKILL)

    def _write(self) -> None:
        if self._counter is None:
            return
        with self._counter.open("w") as file:
            file.write(str(self._failed))
            file.flush()
            os.fsync(file.fileno())


def _read(counter: Path | None) -> int:
    if counter is None or not counter.exists():
        return 0
    text = counter.read_text().strip()
    return int(text) if text.isdigit() else 0
