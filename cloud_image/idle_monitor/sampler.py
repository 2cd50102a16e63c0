"""Watches the machine for a while: many readings of every signal become one sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import MachineError
from .clock import Clock
from .signals.base import Signal
from .verdict import Said, Sample, Sign

#: A clock that counts suspends and one that does not are read one after the other, not at once.
_SLEPT_TOLERANCE = 1.0


@dataclass(slots=True)
class Awake:
    """Since when the machine has run without a break, by clock.boot; `slept` is what clock.slept said then."""

    since: float
    slept: float

    def look(self, clock: Clock) -> bool:
        """Whether it has been suspended since the last look: then it has been awake from now on."""
        slept = clock.slept()
        if slept <= self.slept + _SLEPT_TOLERANCE:
            return False
        self.since, self.slept = clock.boot(), slept
        return True

    def as_json(self) -> list[float]:
        """For a file."""
        return [self.since, self.slept]

    @staticmethod
    def of_json(written: Any) -> Awake:
        """What as_json wrote. Raises ValueError."""
        match written:
            case [float() | int() as since, float() | int() as slept]:
                return Awake(float(since), float(slept))
            case _:
                raise ValueError("not a time of being awake")


@dataclass(frozen=True, slots=True)
class Sampler:
    """Reads the signals every `step` seconds. A pause longer than `blink` between two readings, or a suspend, begins the
    sample anew: a sample has only what was watched."""

    signals: Sequence[Signal]
    clock: Clock
    step: float
    blink: float

    def watch(self, seconds: float, awake: Awake) -> Sample:
        """Watches for so long, and at least for one reading. `awake` is told of suspends."""
        begin = self.clock.boot()
        end = begin + seconds
        readings: list[tuple[float, list[Sign]]] = []
        while True:
            at = self.clock.boot()
            if awake.look(self.clock) or (readings and at - readings[-1][0] > self.blink):
                begin = at = self.clock.boot()
                readings.clear()
            readings.append((at, [_read(signal, at) for signal in self.signals]))
            after = self.clock.boot()
            if after >= end:
                return self._sample(begin, after, readings)
            self.clock.sleep(min(end, max(after, at + self.step)) - after)

    def _sample(self, begin: float, end: float, readings: Sequence[tuple[float, list[Sign]]]) -> Sample:
        worked = None
        # Work may have gone on until just before the next reading.
        ends = [at for at, _ in readings[1:]] + [end]
        for (_, signs), until in zip(readings, ends, strict=True):
            if any(sign.said is Said.BUSY for sign in signs):
                worked = until
        columns = zip(*(signs for _, signs in readings), strict=True)
        return Sample(begin, end, self.clock.wall(), tuple(folded(column) for column in columns), worked)


def folded(signs: Sequence[Sign]) -> Sign:
    """One signal's readings as one, oldest first: busy if it ever was, at its busiest; missing if it is so at the end, or was
    more often than not."""
    busy = [sign for sign in signs if sign.said is Said.BUSY]
    if busy:
        return _highest(busy)
    missing = [sign for sign in signs if sign.said is Said.MISSING]
    if signs[-1].said is Said.MISSING or 2 * len(missing) > len(signs):
        return missing[-1]
    return _highest([sign for sign in signs if sign.said is not Said.MISSING])


def _highest(signs: Sequence[Sign]) -> Sign:
    return max(reversed(signs), key=lambda sign: sign.level)


def _read(signal: Signal, at: float) -> Sign:
    try:
        return signal.read(at)
    except (OSError, MachineError) as error:
        return Sign(signal.name, Said.MISSING, f"The signal “{signal.name}” cannot be read: {error}.")
