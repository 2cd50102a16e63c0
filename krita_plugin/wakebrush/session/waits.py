"""Waits that run down by themselves between two messages of the service. Pure but for the clock that is handed in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..client.model import Job, Machine

T = TypeVar("T", Machine, Job)

#: A wait that turns out longer runs down more slowly, but not slower than this: then it is overdue, and that is said.
_SLOWEST = 1 / 3


@dataclass(frozen=True)
class Countdown:
    """`left` seconds at the moment `told` (monotonic seconds); `pace`: seconds that it loses in a second."""

    left: float
    told: float
    pace: float = 1.0

    def at(self, now: float) -> float:
        """What is left; below zero by so much it is overdue."""
        return self.left - (now - self.told) * self.pace

    def corrected(self, seconds: float, now: float) -> Countdown:
        """With a newer estimate. A shorter one is taken over, a longer one slows the countdown: it never turns back."""
        left = self.at(now)
        if seconds <= left:
            return Countdown(seconds, now)
        return self if left <= 0 else Countdown(left, now, max(_SLOWEST, left / seconds))


class Waits:
    """One countdown for each machine and job."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: dict[str, tuple[Any, Countdown]] = {}

    def as_of_now(self, told: T) -> T:
        """What the service told, with `eta_seconds` as it is now: overdue when below zero, None when nothing was told.

        Must be called as soon as something new was told. Another wake, job or attempt is another wait, and starts anew.
        """
        if told.eta_seconds is None:
            return told
        now = self._clock()
        before, countdown = self._heard.get(told.id, (None, Countdown(told.eta_seconds, now)))
        if before is None or _wait_of(before) != _wait_of(told):
            countdown = Countdown(told.eta_seconds, now)
        elif before is not told:
            countdown = countdown.corrected(told.eta_seconds, now)
        self._heard[told.id] = (told, countdown)
        return replace(told, eta_seconds=countdown.at(now))

    def forget(self, ids: Iterable[str]) -> None:
        """What is waited for no more."""
        for each in ids:
            self._heard.pop(each, None)


def _wait_of(told: Machine | Job) -> tuple[object, ...]:
    """What makes it the same wait."""
    return (told.id, told.since if isinstance(told, Machine) else told.attempt)
