"""The machine's lease, written as a tag on itself while the engine really works: no idling, hold or open socket renews it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .clock import Clock
from .commands import PASSING, Commands
from .state import State

log = logging.getLogger(__name__)

#: The helper that speaks to the cloud, installed beside us, and its deadline in seconds.
HELPER = str(Path(sys.executable).with_name("wakebrush-cloud"))
DEADLINE = 30.0
#: Seconds between two looks, and until a passing failure is tried again.
LOOK = 5.0
TRY_AGAIN = 30.0


@dataclass(frozen=True, slots=True)
class LeaseRule:
    """A lease is written for `seconds` from the last work, at most every `period`."""

    seconds: float
    period: float

    def due(self, worked_at: float | None, covered_at: float | None, written_at: float | None, now: float) -> bool:
        """Whether it has to be written now. `worked_at`: the last work; `covered_at`: the work for which it was written last,
        at `written_at`."""
        if worked_at is None or (covered_at is not None and worked_at <= covered_at):
            return False
        return written_at is None or not written_at <= now < written_at + self.period


class Lease:
    """Renews it; works with nobody connected."""

    def __init__(
        self, rule: LeaseRule, commands: Commands, state: State, clock: Clock, *, helper: str = HELPER, beat: Callable[[], None]
    ) -> None:
        self._rule = rule
        self._commands = commands
        self._state = state
        self._clock = clock
        self._helper = helper
        self._beat = beat
        self._worked_at: float | None = None
        self._covered_at: float | None = None
        self._written_at: float | None = None
        self._complaint = ""

    def worked(self, at: float) -> None:
        """The engine worked at that moment."""
        self._worked_at = max(at, self._worked_at or 0.0)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._beat()
            if self._state.facts.queue.running:
                self.worked(self._clock.now())
            await self._clock.sleep(await self._renew())

    async def _renew(self) -> float:
        """Writes it if that is due; seconds until the next look."""
        now, worked_at = self._clock.now(), self._worked_at
        if worked_at is None or not self._rule.due(worked_at, self._covered_at, self._written_at, now):
            return LOOK
        until = str(int(worked_at + self._rule.seconds))
        outcome = await self._commands.run([self._helper, "renew-lease", until], DEADLINE)
        if outcome.code == PASSING:
            log.info("The lease could not be written, and is tried again: %s", outcome.trouble)
            return TRY_AGAIN
        self._written_at = now
        if outcome.code == 0:
            self._covered_at = worked_at
        else:
            self._complain(f"The machine's lease could not be written, so it may be stopped while it works: {outcome.trouble}")
        return LOOK

    def _complain(self, sentence: str) -> None:
        """Each trouble once."""
        if sentence != self._complaint:
            self._state.say(sentence)
        self._complaint = sentence
