"""A stretch of machine time at one price, and the calendar months that money is counted in. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from wake_service.machines.model import COSTING, Machine, MachineState


class Kind(StrEnum):
    """What a machine was doing during an interval."""

    WAKE = "wake"
    WORK = "work"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Payer:
    """For whom a machine runs: the artist, her team, and the job if it is working on one."""

    team_id: str
    artist_id: str
    job_id: str | None = None

    def without_job(self) -> Payer:
        """The same, between jobs."""
        return Payer(self.team_id, self.artist_id)


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of machine time. `to_at` is None while it lasts; all intervals from a start to the stop that ended it have one
    `wake_id` (None: written before wakes had names)."""

    machine_id: str
    kind: Kind
    payer: Payer | None
    from_at: float
    to_at: float | None
    price_micros_per_hour: int
    wake_id: str | None = None

    def closed(self, now: float) -> Interval:
        """The same, ended at `now`; a clock that was set back ends it where it began."""
        return replace(self, to_at=max(self.from_at, now))

    def seconds(self, now: float, *, since: float = 0.0, until: float = math.inf) -> float:
        """How long it lasted by `now`, of what lies between `since` and `until`."""
        end = min(now if self.to_at is None else self.to_at, until)
        return max(0.0, end - max(self.from_at, since))

    def micros(self, now: float, *, since: float = 0.0, until: float = math.inf) -> int:
        """What that cost. Whole millionths, rounded so that the parts of an interval add up to all of it exactly."""
        end = min(now if self.to_at is None else self.to_at, until)
        return self._until(end) - self._until(min(since, end))

    def _until(self, moment: float) -> int:
        return round(max(0.0, moment - self.from_at) * self.price_micros_per_hour / 3600)


def month_start(now: float) -> float:
    """The first moment of the calendar month (UTC) that `now` lies in."""
    moment = datetime.fromtimestamp(now, UTC)
    return datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp()


def next_month_start(now: float) -> float:
    """The first moment of the following calendar month (UTC)."""
    moment = datetime.fromtimestamp(now, UTC)
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)
    return datetime(year, month, 1, tzinfo=UTC).timestamp()


def months(since: float, until: float) -> Iterator[float]:
    """The starts of the months that lie, in part, between two moments; at least the one of `since`."""
    month = month_start(since)
    yield month
    while (month := next_month_start(month)) < until:
        yield month


def kind_of(machine: Machine) -> Kind | None:
    """How a machine's present second is booked; None when it costs nothing."""
    if machine.state not in COSTING:
        return None
    if machine.state is MachineState.WAKING:
        return Kind.WAKE
    return Kind.WORK if machine.state is MachineState.BUSY else Kind.IDLE
