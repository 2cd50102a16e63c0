"""When a schedule expression of EventBridge is due: `cron(0 22 ? * FRI *)`, `at(2026-11-25T22:00:00)`, `rate(5 minutes)`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_MONTHS = dict(JAN=1, FEB=2, MAR=3, APR=4, MAY=5, JUN=6, JUL=7, AUG=8, SEP=9, OCT=10, NOV=11, DEC=12)
_DAYS = dict(SUN=1, MON=2, TUE=3, WED=4, THU=5, FRI=6, SAT=7)
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
#: A day that lies further ahead than this is never.
_DAYS_AHEAD = 366 * 5


class NotASchedule(ValueError):
    """The expression is none that EventBridge takes."""


def next_time(expression: str, timezone: str, after: float, created: float) -> float | None:
    """The first moment (epoch seconds) later than `after` at which the schedule is due; None when there is none any more."""
    found = re.fullmatch(r"(cron|at|rate)\((.+)\)", expression.strip())
    if found is None:
        raise NotASchedule(f"Invalid Schedule Expression {expression}.")
    kind, text = found.groups()
    zone = ZoneInfo(timezone)
    if kind == "at":
        moment = datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()
        return moment if moment > after else None
    if kind == "rate":
        number, unit = text.split()
        every = int(number) * _SECONDS[unit.rstrip("s")]
        return created + ((after - created) // every + 1) * every
    return _next_cron(text, zone, after)


def _next_cron(text: str, zone: ZoneInfo, after: float) -> float | None:
    fields = text.split()
    if len(fields) != 6 or (fields[2] == "?") == (fields[4] == "?"):
        raise NotASchedule(f"Invalid Schedule Expression cron({text}).")
    minutes, hours = _set(fields[0], 0, 59), _set(fields[1], 0, 23)
    start = datetime.fromtimestamp(after, UTC).astimezone(zone).date()
    for ahead in range(_DAYS_AHEAD):
        day = start + timedelta(days=ahead)
        if not _is_day(day, fields):
            continue
        times = (
            datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp()
            for hour in sorted(hours)
            for minute in sorted(minutes)
        )
        due = min((moment for moment in times if moment > after), default=None)
        if due is not None:
            return due
    return None


def _is_day(day: date, fields: list[str]) -> bool:
    _, _, days, months, weekdays, years = fields
    if day.month not in _set(months, 1, 12, _MONTHS) or (years != "*" and day.year not in _set(years, 1970, 2199)):
        return False
    if days == "L":
        return (day + timedelta(days=1)).day == 1
    if days != "?":
        return day.day in _set(days, 1, 31)
    return day.isoweekday() % 7 + 1 in _set(weekdays, 1, 7, _DAYS)


def _set(text: str, least: int, most: int, names: dict[str, int] | None = None) -> set[int]:
    """All values that one field names."""
    found: set[int] = set()
    for part in text.upper().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        begin = least if first in ("*", "?") else _number(first, names)
        end = most if first in ("*", "?") or (step and not last) else _number(last, names) if last else begin
        values = range(begin, end + 1, int(step or 1)) if begin <= end else [*range(begin, most + 1), *range(least, end + 1)]
        found.update(values)
    if not found or min(found) < least or max(found) > most:
        raise NotASchedule(f"Invalid field {text} in a schedule expression.")
    return found


def _number(text: str, names: dict[str, int] | None) -> int:
    try:
        return (names or {}).get(text) or int(text)
    except ValueError:
        raise NotASchedule(f"Invalid value {text} in a schedule expression.") from None
