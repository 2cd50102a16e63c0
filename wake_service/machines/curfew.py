"""When nothing may run ("never between Fri 22:00 and Mon 07:00"), and the named days on which it may all the same. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from wake_service.errors import SetupError

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: How far ahead a change is looked for: two rounds of the week, since the hour that a clock change takes or gives may
#: swallow a short pause between two spans once, but not twice.
_AHEAD = timedelta(days=15)
_DAY = timedelta(days=1)
_END = r"(?:([A-Za-z]+)\s+)?(\d{1,2}):(\d{2})"
_SPAN = re.compile(rf"{_END}\s*(?:-|–|to)\s*{_END}")
_EXCEPTION = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\s*\.\.\s*(\d{4}-\d{2}-\d{2}))?\s+(\S.*)")
_HOW = 'Write it like "Fri 22:00 - Mon 07:00", or "22:00 - 07:00" for every night; several are separated by commas.'


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the week by the studio's own clocks. `weekdays` (0: Monday) are those it begins on, at `begins`; it ends
    `nights` days later at `ends`."""

    weekdays: tuple[int, ...]
    begins: time
    nights: int
    ends: time


@dataclass(frozen=True, slots=True)
class Exempt:
    """Days, first and last included, on which no curfew holds, and why."""

    first: date
    last: date
    reason: str


@dataclass(frozen=True, slots=True)
class Curfew:
    """The hours at which no machine may run.

    Where clocks are put back or forward within it, it is never shorter than it says: it begins at the earlier reading of an
    hour that comes twice or not at all, and ends at the later one.
    """

    spans: tuple[Span, ...]
    zone: ZoneInfo
    exceptions: tuple[Exempt, ...] = ()

    @classmethod
    def parse(cls, text: str, timezone: str, exceptions: Sequence[str] = ()) -> Curfew:
        """From "Fri 22:00 - Mon 07:00" (or "22:00 - 07:00" for every night), an IANA time zone, and exceptions like
        "2026-12-18 .. 2026-12-20 delivery week". Raises SetupError that says what to write."""
        spans = tuple(_span(part.strip()) for part in text.split(","))
        return cls(spans, _zone(timezone), tuple(_exempt(line.strip()) for line in exceptions))

    def active(self, now: float) -> bool:
        """Whether nothing may run at `now` (epoch seconds)."""
        if any(begins <= now < ends for begins, ends, _ in self.freed()):
            return False
        day = self.local(now).date()
        return any(begins <= now < ends for begins, ends in self._occurrences(day - 9 * _DAY, day + 2 * _DAY))

    def next_change(self, now: float) -> float:
        """The first moment after `now` at which `active` is not what it is now; infinite when that never comes."""
        present = self.active(now)
        return next((moment for moment in sorted(set(self._moments(now))) if self.active(moment) is not present), math.inf)

    def sentence(self, now: float) -> str:
        """What an artist reads about it."""
        change = self.next_change(now)
        if self.active(now):
            until = f"until {self._day_and_hour(change, now)}" if change < math.inf else "until your admin ends the curfew"
            return f"The studio's machines rest {until}. Your picture is safe in the queue."
        if change == math.inf:
            return "No curfew is ahead."
        return f"The studio's machines rest from {self._day_and_hour(change, now)} on."

    def freed(self) -> tuple[tuple[float, float, str], ...]:
        """The exceptions as stretches of time (epoch seconds, the end not included), each with its reason."""
        midnight = time()
        return tuple(
            (self._later(datetime.combine(e.first, midnight)), self._earlier(datetime.combine(e.last + _DAY, midnight)), e.reason)
            for e in self.exceptions
        )

    def local(self, moment: float) -> datetime:
        """A moment by the studio's own clocks."""
        return datetime.fromtimestamp(moment, UTC).astimezone(self.zone)

    def _moments(self, now: float) -> Iterator[float]:
        """Every moment after `now` at which a change can be, as far as is needed to find the first."""
        freed = [(begins, ends) for begins, ends, _ in self.freed() if ends > now]
        for start in (now, *(ends for _, ends in freed)):
            day = self.local(start).date()
            for occurrence in self._occurrences(day - 9 * _DAY, day + _AHEAD):
                yield from (moment for moment in occurrence if moment > now)
        for stretch in freed:
            yield from (moment for moment in stretch if moment > now)

    def _occurrences(self, first: date, last: date) -> Iterator[tuple[float, float]]:
        """Every span that begins on a day from `first` to `last`."""
        for number in range((last - first).days + 1):
            day = first + number * _DAY
            for span in self.spans:
                if day.weekday() in span.weekdays:
                    begins = datetime.combine(day, span.begins)
                    ends = datetime.combine(day + span.nights * _DAY, span.ends)
                    yield self._earlier(begins), self._later(ends)

    def _earlier(self, local: datetime) -> float:
        return min(self._readings(local))

    def _later(self, local: datetime) -> float:
        return max(self._readings(local))

    def _readings(self, local: datetime) -> tuple[float, float]:
        """Both readings of an hour on the clock; they differ only where clocks are put back or forward."""
        there = local.replace(tzinfo=self.zone)
        return there.timestamp(), there.replace(fold=1).timestamp()

    def _day_and_hour(self, moment: float, now: float) -> str:
        """`Monday 07:00`; with its date when another Monday comes first."""
        there = self.local(moment)
        far = (there.date() - self.local(now).date()).days > 6
        return f"{DAYS[there.weekday()]}{f' {there.day} {there:%B %Y},' if far else ''} {there:%H:%M}"


def _span(text: str) -> Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise SetupError(f'The curfew "{text}" cannot be read. {_HOW}')
    begin_day, begin_hour, begin_minute, end_day, end_hour, end_minute = found.groups()
    if (begin_day is None) != (end_day is None):
        raise SetupError(f'The curfew "{text}" names a weekday at one end only. {_HOW}')
    begins, ends = _minutes(text, begin_hour, begin_minute), _minutes(text, end_hour, end_minute)
    if begin_day is None:
        weekdays, days = tuple(range(7)), int(ends <= begins)
    else:
        weekdays = (_weekday(text, begin_day),)
        days = (_weekday(text, end_day) - weekdays[0]) % 7
        days += 7 if days == 0 and ends < begins else 0
    if begins == ends and (begin_day is None or days == 0):
        raise SetupError(f'The curfew "{text}" ends where it begins. {_HOW}')
    return Span(weekdays, _time(begins), days + ends // 1440, _time(ends))


def _minutes(text: str, hour: str, minute: str) -> int:
    """Minutes since midnight; "24:00" is the end of the day."""
    minutes = int(hour) * 60 + int(minute)
    if int(minute) > 59 or minutes > 1440:
        raise SetupError(f'The curfew "{text}" has a time that no clock shows: {hour}:{minute}. {_HOW}')
    return minutes


def _time(minutes: int) -> time:
    return time(minutes % 1440 // 60, minutes % 60)


def _weekday(text: str, name: str) -> int:
    found = [number for number, day in enumerate(DAYS) if len(name) >= 2 and day.lower().startswith(name.lower())]
    if len(found) != 1:
        raise SetupError(f'The curfew "{text}" names a weekday that is unknown: {name}. {_HOW}')
    return found[0]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SetupError(f'The time zone "{name}" is unknown. Write it like "Europe/Berlin".') from error


def _exempt(text: str) -> Exempt:
    how = 'Write it like "2026-12-18 .. 2026-12-20 delivery week".'
    found = _EXCEPTION.fullmatch(text)
    if found is None:
        raise SetupError(f'The exception "{text}" to the curfew cannot be read. {how}')
    try:
        first, last = date.fromisoformat(found[1]), date.fromisoformat(found[2] or found[1])
    except ValueError as error:
        raise SetupError(f'The exception "{text}" to the curfew names a day that no calendar has. {how}') from error
    if last < first:
        raise SetupError(f'The exception "{text}" to the curfew ends before it begins. {how}')
    if not 1970 <= first.year <= last.year < 9999:
        raise SetupError(f'The exception "{text}" to the curfew is out of time. {how}')
    return Exempt(first, last, found[3])
