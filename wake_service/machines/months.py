"""A calendar month in seconds and money, read from the ledger: for whom, of what kind, and beside a machine that never sleeps."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection, func, or_, select

from wake_service.machines.intervals import Kind, Payer, next_month_start
from wake_service.machines.ledger import interval_of, payer_of
from wake_service.store.tables import ledger, results, shares, standing, teams


@dataclass(slots=True)
class Spent:
    """Seconds and money (micros) by kind, what the ends of wakes moved (`shared`), and pictures that were brought home."""

    seconds: dict[Kind, float] = field(default_factory=lambda: dict.fromkeys(Kind, 0.0))
    micros: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    shared: int = 0
    pictures: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.micros.values()) + self.shared

    @property
    def share(self) -> int:
        """The part in waking and resting."""
        return self.total - self.micros[Kind.WORK]

    @property
    def per_picture(self) -> int | None:
        """What a picture cost with all that belongs to it; None without pictures."""
        return round(self.total / self.pictures) if self.pictures else None

    def add(self, other: Spent) -> None:
        """Adds somebody else's."""
        for kind in Kind:
            self.seconds[kind] += other.seconds[kind]
            self.micros[kind] += other.micros[kind]
        self.shared += other.shared
        self.pictures += other.pictures


@dataclass(frozen=True, slots=True)
class Month:
    """A month from `since` (its first moment, or when this deployment began) to `until` (its end, or now). `standing`: disks and
    the like, micros. `by`: for whom, without jobs; None is the deployment itself."""

    since: float
    until: float
    by: dict[Payer | None, Spent]
    standing: int

    def of(self, *, team_id: str | None = None, artist_id: str | None = None) -> Spent:
        """The sum of a team's, an artist's, or (neither) everybody's."""
        total = Spent()
        for payer, spent in self.by.items():
            whose = (payer.team_id, payer.artist_id) if payer else (None, None)
            if team_id in (None, whose[0]) and artist_id in (None, whose[1]):
                total.add(spent)
        return total

    def always_on_micros(self, price_micros_per_hour: int) -> int:
        """What one machine that never sleeps would have cost in that time, at the month's mean price; before there is one, at
        the price given."""
        seconds, everything = self.until - self.since, self.of()
        used = sum(everything.seconds.values())
        if used > 0 and everything.total:
            return round(everything.total * seconds / used)
        return round(seconds * price_micros_per_hour / 3600)


def saved(spent_micros: int, always_on_micros: int) -> float | None:
    """The part of an always-on machine's cost that was not spent; below zero where several machines cost more than one."""
    return 1 - spent_micros / always_on_micros if always_on_micros else None


def month_of(conn: Connection, month: float, now: float) -> Month:
    """The month that begins at `month`, as it is at `now`; a month that has not begun is empty."""
    until = max(month, min(now, next_month_start(month)))
    by: defaultdict[Payer | None, Spent] = defaultdict(Spent)
    touching = or_(ledger.c.to_at.is_(None), ledger.c.to_at > month), ledger.c.from_at < until
    for interval in map(interval_of, conn.execute(select(ledger).where(*touching))):
        spent = by[interval.payer.without_job() if interval.payer else None]
        spent.seconds[interval.kind] += interval.seconds(now, since=month, until=until)
        spent.micros[interval.kind] += interval.micros(now, since=month, until=until)
    for row in conn.execute(select(shares).where(shares.c.at >= month, shares.c.at < next_month_start(month))):
        payer = payer_of(row)
        by[payer.without_job() if payer else None].shared += row.micros
    pictures = _pictures(conn, month, until)
    for payer, spent in by.items():
        spent.pictures = pictures.pop(payer.artist_id, 0) if payer else 0
    days = standing.c.day.between(_day(month), _day(next_month_start(month) - 1))
    stood = conn.execute(select(func.coalesce(func.sum(standing.c.micros), 0)).where(days)).scalar_one()
    began = conn.execute(select(func.min(teams.c.created_at))).scalar_one_or_none()
    return Month(min(until, max(month, began or month)), until, dict(by), int(stood))


def job_micros(conn: Connection, job_id: str, now: float) -> tuple[int, int]:
    """What a job has cost so far: the work itself, and its share of the wakes that served it, once these are over."""
    worked = conn.execute(select(ledger).where(ledger.c.job_id == job_id))
    shared = conn.execute(select(func.coalesce(func.sum(shares.c.micros), 0)).where(shares.c.job_id == job_id)).scalar_one()
    return sum(interval.micros(now) for interval in map(interval_of, worked)), int(shared)


def _pictures(conn: Connection, since: float, until: float) -> dict[str, int]:
    made = results.c.created_at >= since, results.c.created_at < until
    counted = select(results.c.artist_id, func.count()).where(*made).group_by(results.c.artist_id)
    return {artist_id: int(count) for artist_id, count in conn.execute(counted)}


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
