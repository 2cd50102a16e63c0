"""What machines cost, second by second, and whom it is for."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, or_, select, update

from wake_service.machines.intervals import (
    Interval,
    Kind,
    Payer,
    kind_of,
    month_start,
    months,
    next_month_start,
)
from wake_service.machines.model import Machine
from wake_service.machines.shares import Share, Tally, share_out
from wake_service.store.store import Transaction
from wake_service.store.tables import ledger, shares

__all__ = [
    "Entry",
    "Interval",
    "Kind",
    "Ledger",
    "Payer",
    "interval_of",
    "kind_of",
    "month_start",
    "next_month_start",
    "payer_of",
]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a change of a machine adds: the open interval ends at `closed_at`, `opened` begins, or a wake is shared out."""

    machine_id: str
    closed_at: float
    opened: Interval | None = None
    wake_id: str | None = None
    shares: tuple[Share, ...] = ()


# Built once: every job that begins or ends on a machine needs them.
_CLOSE = update(ledger).where(ledger.c.machine_id == bindparam("of_machine"), ledger.c.to_at.is_(None))
_OPEN = insert(ledger)


class Ledger:
    """Every second between a start and the stop that ended it is in exactly one interval.

    The open intervals and each month's total of each team are kept in memory, so that a budget is checked without a query. When a
    wake ends, it is shared out (shares.py); `limit_of` says how much a team may spend in a month (None: any amount). A clock that
    is set back loses no more than the interval in which that happened.
    """

    def __init__(self) -> None:
        self._open: dict[str, Interval] = {}
        self._wakes: dict[str, Tally] = {}
        self._closed: defaultdict[tuple[float, str], int] = defaultdict(int)
        self._month = 0.0
        self.limit_of: Callable[[str], int | None] = lambda _team_id: None

    def load(self, conn: Connection, now: float) -> None:
        """Reads what is open and what this month has cost."""
        self._month = month_start(now)
        self._open, self._wakes = {}, {}
        self._closed.clear()
        recent = or_(ledger.c.to_at.is_(None), ledger.c.to_at > self._month)
        for interval in map(interval_of, conn.execute(select(ledger).where(recent))):
            if interval.to_at is None:
                self._open[interval.machine_id] = interval
            else:
                self._count(interval)
        for row in conn.execute(select(shares).where(shares.c.at >= self._month)):
            self._give([Share(payer_of(row), row.micros)], row.at)
        for interval in self._open.values():
            self._wakes[interval.machine_id] = self._tally(conn, interval.wake_id)

    def switch(self, machine: Machine, payer: Payer | None, now: float) -> Entry | None:
        """Opens the interval that fits the machine's state, and closes the one before. None when nothing changes."""
        kind, price = kind_of(machine), machine.price_micros_per_hour
        before = self._open.get(machine.id)
        if before is None and kind is None:
            return None
        if before is not None and (before.kind, before.payer, before.price_micros_per_hour) == (kind, payer, price):
            return None
        self._turn_month(now)
        closed = self._close(before, now) if before is not None else None
        ended_at = closed.to_at if closed is not None and closed.to_at is not None else now
        if kind is None:
            wake_id, given = self._end_wake(machine.id, before, ended_at)
            return Entry(machine.id, ended_at, wake_id=wake_id, shares=given)
        opened = Interval(machine.id, kind, payer, now, None, price, before.wake_id if before else str(uuid.uuid4()))
        self._open[machine.id] = opened
        self._wakes.setdefault(machine.id, Tally())
        return Entry(machine.id, ended_at, opened)

    @staticmethod
    def write(transaction: Transaction, entry: Entry) -> None:
        """Makes a `switch` durable."""
        transaction.conn.execute(_CLOSE, {"of_machine": entry.machine_id, "to_at": entry.closed_at})
        if (opened := entry.opened) is not None:
            values = {
                "machine_id": opened.machine_id,
                "kind": opened.kind,
                "from_at": opened.from_at,
                "price_micros_per_hour": opened.price_micros_per_hour,
                "wake_id": opened.wake_id,
            }
            transaction.conn.execute(_OPEN, {**values, **_columns(opened.payer)})
        for share in entry.shares:
            values = {"wake_id": entry.wake_id, "at": entry.closed_at, "micros": share.micros}
            transaction.conn.execute(insert(shares).values(**values, **_columns(share.payer)))

    def payer_of(self, machine_id: str) -> Payer | None:
        """For whom the machine's open interval is booked."""
        interval = self._open.get(machine_id)
        return interval.payer if interval else None

    def spent_micros(self, team_id: str, now: float) -> int:
        """What a team has spent in the calendar month of `now`, running machines included."""
        month, following = month_start(now), next_month_start(now)
        mine = (i for i in self._open.values() if i.payer is not None and i.payer.team_id == team_id)
        return self._closed[month, team_id] + sum(i.micros(now, since=month, until=following) for i in mine)

    def _close(self, interval: Interval, now: float) -> Interval:
        closed = interval.closed(now)
        del self._open[interval.machine_id]
        self._count(closed)
        self._wakes[interval.machine_id].add(closed, since=self._month)
        return closed

    def _end_wake(self, machine_id: str, last: Interval | None, at: float) -> tuple[str | None, tuple[Share, ...]]:
        tally = self._wakes.pop(machine_id)
        given = tuple(share_out(tally, lambda team_id: self._room(team_id, at)))
        self._give(given, at)
        return last.wake_id if last else None, given

    def _room(self, team_id: str, now: float) -> int | None:
        limit = self.limit_of(team_id)
        return None if limit is None else limit - self.spent_micros(team_id, now)

    def _count(self, closed: Interval) -> None:
        if closed.payer is None or closed.to_at is None:
            return
        for month in months(closed.from_at, closed.to_at):
            part = closed.micros(closed.to_at, since=month, until=next_month_start(month))
            self._closed[month, closed.payer.team_id] += part

    def _give(self, given: Iterable[Share], at: float) -> None:
        for share in given:
            if share.payer is not None:
                self._closed[month_start(at), share.payer.team_id] += share.micros

    def _tally(self, conn: Connection, wake_id: str | None) -> Tally:
        tally = Tally()
        if wake_id is not None:
            closed = select(ledger).where(ledger.c.wake_id == wake_id, ledger.c.to_at.is_not(None))
            for interval in map(interval_of, conn.execute(closed)):
                tally.add(interval, since=self._month)
        return tally

    def _turn_month(self, now: float) -> None:
        """What a wake has cost before midnight of the month stays with who carried it."""
        if month_start(now) > self._month:
            self._month = month_start(now)
            for tally in self._wakes.values():
                tally.carried.clear()
            for month, team_id in [key for key in self._closed if key[0] < self._month]:
                del self._closed[month, team_id]


def interval_of(row: Row[Any]) -> Interval:
    """A row of the ledger."""
    return Interval(row.machine_id, Kind(row.kind), payer_of(row), row.from_at, row.to_at, row.price_micros_per_hour, row.wake_id)


def payer_of(row: Row[Any]) -> Payer | None:
    """For whom a row of the ledger or of the shares is."""
    return Payer(row.team_id, row.artist_id, row.job_id) if row.team_id else None


def _columns(payer: Payer | None) -> dict[str, str | None]:
    if payer is None:
        return {"team_id": None, "artist_id": None, "job_id": None}
    return {"team_id": payer.team_id, "artist_id": payer.artist_id, "job_id": payer.job_id}
