"""What machines cost, second by second, and whom it is for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from wake_service.machines.model import COSTING, Machine, MachineState
from wake_service.store.store import Transaction
from wake_service.store.tables import ledger


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
    """A stretch of machine time at one price. `to_at` is None while it lasts."""

    machine_id: str
    kind: Kind
    payer: Payer | None
    from_at: float
    to_at: float | None
    price_micros_per_hour: int

    def micros(self, now: float, *, since: float = 0.0) -> float:
        """Its cost up to `now`, counting from `since` at the earliest."""
        seconds = max(0.0, (self.to_at or now) - max(self.from_at, since))
        return seconds * self.price_micros_per_hour / 3600


def month_start(now: float) -> float:
    """The first moment of the calendar month (UTC) that `now` lies in."""
    moment = datetime.fromtimestamp(now, UTC)
    return datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp()


def next_month_start(now: float) -> float:
    """The first moment of the following calendar month (UTC)."""
    moment = datetime.fromtimestamp(now, UTC)
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)
    return datetime(year, month, 1, tzinfo=UTC).timestamp()


def kind_of(machine: Machine) -> Kind | None:
    """How a machine's present second is booked; None when it costs nothing."""
    if machine.state not in COSTING:
        return None
    if machine.state is MachineState.WAKING:
        return Kind.WAKE
    return Kind.WORK if machine.state is MachineState.BUSY else Kind.IDLE


class Ledger:
    """Every second between a start and the stop that ended it is in exactly one interval.

    The open intervals and this month's total of each team are kept in memory, so that a budget is checked without a query.
    """

    def __init__(self) -> None:
        self._open: dict[str, Interval] = {}
        self._closed: dict[str, float] = defaultdict(float)
        self._month = 0.0

    def load(self, conn: Connection, now: float) -> None:
        """Reads what is open and what this month has cost."""
        self._month = month_start(now)
        self._open = {}
        self._closed.clear()
        rows = conn.execute(select(ledger).where((ledger.c.to_at.is_(None)) | (ledger.c.to_at > self._month)))
        for row in rows:
            payer = Payer(row.team_id, row.artist_id, row.job_id) if row.team_id else None
            interval = Interval(row.machine_id, Kind(row.kind), payer, row.from_at, row.to_at, row.price_micros_per_hour)
            if interval.to_at is None:
                self._open[interval.machine_id] = interval
            else:
                self._add(interval)

    def switch(self, machine: Machine, payer: Payer | None, now: float) -> Interval | None:
        """Opens the interval that fits the machine's state, and closes the one before. None when nothing changes."""
        kind = kind_of(machine)
        before = self._open.get(machine.id)
        if before is not None and (before.kind, before.payer) == (kind, payer):
            return None
        if before is None and kind is None:
            return None
        self._turn_month(now)
        if before is not None:
            closed = Interval(before.machine_id, before.kind, before.payer, before.from_at, now, before.price_micros_per_hour)
            self._add(closed)
            del self._open[machine.id]
        opened = Interval(machine.id, kind or Kind.IDLE, payer, now, None, machine.price_micros_per_hour)
        if kind is not None:
            self._open[machine.id] = opened
        return opened if kind is not None else Interval(machine.id, Kind.IDLE, payer, now, now, 0)

    @staticmethod
    def write(transaction: Transaction, change: Interval) -> None:
        """Makes a `switch` durable: closes the machine's open interval at `from_at`, and opens the new one if it lasts."""
        open_ones = (ledger.c.machine_id == change.machine_id) & ledger.c.to_at.is_(None)
        transaction.conn.execute(update(ledger).where(open_ones).values(to_at=change.from_at))
        if change.to_at is not None:
            return
        transaction.conn.execute(
            insert(ledger).values(
                machine_id=change.machine_id,
                kind=change.kind,
                team_id=change.payer.team_id if change.payer else None,
                artist_id=change.payer.artist_id if change.payer else None,
                job_id=change.payer.job_id if change.payer else None,
                from_at=change.from_at,
                price_micros_per_hour=change.price_micros_per_hour,
            )
        )

    def payer_of(self, machine_id: str) -> Payer | None:
        """For whom the machine's open interval is booked."""
        interval = self._open.get(machine_id)
        return interval.payer if interval else None

    def spent_micros(self, team_id: str, now: float) -> int:
        """What a team has spent in the calendar month of `now`, running machines included."""
        self._turn_month(now)
        running = sum(i.micros(now, since=self._month) for i in self._open.values() if i.payer and i.payer.team_id == team_id)
        return round(self._closed[team_id] + running)

    def _add(self, interval: Interval) -> None:
        if interval.payer is not None and interval.to_at is not None:
            self._closed[interval.payer.team_id] += interval.micros(interval.to_at, since=self._month)

    def _turn_month(self, now: float) -> None:
        if month_start(now) != self._month:
            self._month = month_start(now)
            self._closed.clear()
