"""What stands there while all sleeps (disks, snapshots, addresses): booked once a day to the deployment, to no team."""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from wake_service.store.store import Transaction
from wake_service.store.tables import standing

#: Days that are made up for when the service was not there; older ones are nobody's guess.
_CATCH_UP = 31


def day_micros(month_micros: int, day: date) -> int:
    """The day's part of a monthly price: whole millionths that add up to it exactly over the month."""
    days = calendar.monthrange(day.year, day.month)[1]
    return month_micros * day.day // days - month_micros * (day.day - 1) // days


def days_due(last: date | None, today: date) -> list[date]:
    """The days to book: today, and those since `last` on which no service was there (priced as what stands there now)."""
    first = today if last is None else max(last + timedelta(days=1), today - timedelta(days=_CATCH_UP))
    return [first + timedelta(days=n) for n in range((today - first).days)] + [today]


def book_standing(tx: Transaction, inventory: Iterable[tuple[str, int]], now: float) -> None:
    """Books what stands there, (what, micros a month), for the day of `now` (UTC) and those missed; as often as one likes.

    What is booked for a day stays; what is new on it is added. `what` is at most 200 characters, and names one thing.
    """
    things: Counter[str] = Counter()
    for what, month_micros in inventory:
        things[what[:200]] += month_micros
    if not things:
        return
    newest = tx.conn.execute(select(func.max(standing.c.day))).scalar_one_or_none()
    today = datetime.fromtimestamp(now, UTC).date()
    days = days_due(date.fromisoformat(newest) if newest else None, today)
    rows = [{"day": day.isoformat(), "what": what, "micros": day_micros(m, day)} for day in days for what, m in things.items()]
    dialect = postgresql if tx.conn.dialect.name == "postgresql" else sqlite
    tx.conn.execute(dialect.insert(standing).on_conflict_do_nothing(), rows)
