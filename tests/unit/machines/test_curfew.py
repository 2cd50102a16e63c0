"""The hours at which no machine may run."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.errors import SetupError
from wake_service.machines.curfew import Curfew

WEEKEND = Curfew.parse("Fri 22:00 - Mon 07:00", "Europe/Berlin", ["2026-12-18 .. 2026-12-20 delivery week"])
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo")


def at(text: str, zone: str = "Europe/Berlin") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("moment", "active"),
    [
        ("2026-11-27T21:59:59", False),  # a Friday
        ("2026-11-27T22:00", True),
        ("2026-11-29T12:00", True),
        ("2026-11-30T06:59:59", True),
        ("2026-11-30T07:00", False),
        ("2026-11-25T23:00", False),
    ],
)
def test_a_weekend_curfew_holds_from_its_first_minute_to_its_last(moment: str, active: bool) -> None:
    assert WEEKEND.active(at(moment)) is active


@pytest.mark.parametrize(("moment", "active"), [("23:00", True), ("03:00", True), ("07:00", False), ("21:59", False)])
@pytest.mark.parametrize("day", ["2026-11-25", "2026-11-28"])
def test_a_curfew_without_weekdays_holds_every_night(day: str, moment: str, active: bool) -> None:
    assert Curfew.parse("22:00 - 07:00", "Europe/Berlin").active(at(f"{day}T{moment}")) is active


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("Sat 00:00 - Sun 24:00", "2026-11-29T23:59", "2026-11-30T00:00"),
        ("monday 09:00 – tues 10:00", "2026-11-24T09:59", "2026-11-24T10:00"),
        ("Wed 10:00 - Wed 09:00", "2026-11-26T10:00", "2026-11-25T09:30"),
        ("Wed 10:00 - Wed 11:00", "2026-11-25T10:30", "2026-11-26T10:30"),
        ("22:00 - 23:00, Sun 08:00 - Sun 20:00", "2026-11-29T12:00", "2026-11-28T12:00"),
        ("12:00 to 13:00", "2026-11-25T12:30", "2026-11-25T13:00"),
        ("20:00 - 24:00", "2026-11-25T23:59", "2026-11-25T00:00"),
    ],
)
def test_spans_can_be_written_as_people_write_them(text: str, inside: str, outside: str) -> None:
    curfew = Curfew.parse(text, "Europe/Berlin")
    assert curfew.active(at(inside)) and not curfew.active(at(outside))


def test_named_days_are_exempt_to_their_last_minute() -> None:
    assert not WEEKEND.active(at("2026-12-18T23:00")) and not WEEKEND.active(at("2026-12-20T23:59:59"))
    assert WEEKEND.active(at("2026-12-21T00:00")) and WEEKEND.active(at("2026-12-25T22:00"))


def test_the_night_on_which_clocks_go_back_is_an_hour_longer() -> None:
    curfew = Curfew.parse("22:00 - 07:00", "Europe/Berlin")
    begins = at("2026-10-24T22:00")
    assert curfew.next_change(begins) - begins == 10 * 3600
    assert curfew.next_change(at("2026-03-28T22:00")) - at("2026-03-28T22:00") == 8 * 3600


def test_an_hour_that_comes_twice_or_never_makes_the_curfew_longer_not_shorter() -> None:
    utc = datetime(2026, 10, 25, tzinfo=UTC).timestamp()  # 02:00 to 03:00 comes twice: at 00:00 and at 01:00 UTC
    assert Curfew.parse("22:00 - 02:30", "Europe/Berlin").next_change(utc) == utc + 5400
    assert Curfew.parse("02:30 - 07:00", "Europe/Berlin").next_change(utc) == utc + 1800
    jump = datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()  # 02:00 to 03:00 does not come
    assert Curfew.parse("02:30 - 03:10", "Europe/Berlin").active(jump)


@pytest.mark.parametrize(
    ("curfew", "moment", "sentence"),
    [
        (WEEKEND, "2026-11-28T12:00", "The studio's machines rest until Monday 07:00. Your picture is safe in the queue."),
        (WEEKEND, "2026-11-25T12:00", "The studio's machines rest from Friday 22:00 on."),
        (WEEKEND, "2026-12-18T21:00", "The studio's machines rest from Monday 00:00 on."),
        (WEEKEND, "2026-12-14T12:00", "The studio's machines rest from Monday 21 December 2026, 00:00 on."),
        (
            Curfew.parse("Mon 00:00 - Thu 12:00, Thu 11:00 - Sun 24:00", "UTC"),
            "2026-11-25T12:00",
            "The studio's machines rest until your admin ends the curfew. Your picture is safe in the queue.",
        ),
    ],
)
def test_the_artist_reads_when_it_changes(curfew: Curfew, moment: str, sentence: str) -> None:
    assert curfew.sentence(at(moment)) == sentence


@pytest.mark.parametrize(
    ("text", "zone", "exceptions", "said"),
    [
        ("weekends", "UTC", [], "cannot be read"),
        ("", "UTC", [], "cannot be read"),
        ("Fri 22:00 - 07:00", "UTC", [], "at one end only"),
        ("Fri 22:00 - Foo 07:00", "UTC", [], "weekday that is unknown: Foo"),
        ("T 22:00 - Mon 07:00", "UTC", [], "weekday that is unknown: T"),
        ("Fri 25:00 - Mon 07:00", "UTC", [], "no clock shows: 25:00"),
        ("22:60 - 07:00", "UTC", [], "no clock shows: 22:60"),
        ("22:00 - 22:00", "UTC", [], "ends where it begins"),
        ("Fri 22:00 - Fri 22:00", "UTC", [], "ends where it begins"),
        ("22:00 - 07:00", "Mars/Olympus", [], 'time zone "Mars/Olympus" is unknown'),
        ("22:00 - 07:00", "../etc", [], "is unknown"),
        ("22:00 - 07:00", "UTC", ["Christmas"], "cannot be read"),
        ("22:00 - 07:00", "UTC", ["2026-12-18"], "cannot be read"),
        ("22:00 - 07:00", "UTC", ["2026-02-30 leap"], "no calendar has"),
        ("22:00 - 07:00", "UTC", ["2026-12-20 .. 2026-12-18 delivery"], "ends before it begins"),
        ("22:00 - 07:00", "UTC", ["9999-12-31 the end"], "out of time"),
    ],
)
def test_nonsense_is_refused_with_what_to_write(text: str, zone: str, exceptions: list[str], said: str) -> None:
    with pytest.raises(SetupError, match=said) as refusal:
        Curfew.parse(text, zone, exceptions)
    assert 'rite it like "' in str(refusal.value)


@st.composite
def curfews(draw: st.DrawFn) -> Curfew:
    clock = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    spans = []
    for _ in range(draw(st.integers(1, 3))):
        begins, ends = draw(st.lists(clock, min_size=2, max_size=2, unique=True))
        first, last = (f"{draw(st.sampled_from(days))} " for _ in "ab") if draw(st.booleans()) else ("", "")
        spans.append(f"{first}{begins} - {last}{ends}")
    exceptions = []
    for _ in range(draw(st.integers(0, 3))):
        day = datetime(2026, 1, 1, tzinfo=UTC).date() + timedelta(draw(st.integers(0, 420)))
        exceptions.append(f"{day} .. {day + timedelta(draw(st.integers(0, 40)))} because")
    return Curfew.parse(", ".join(spans), draw(st.sampled_from(ZONES)), exceptions)


@given(curfews(), st.floats(at("2026-01-01"), at("2027-03-01")), st.floats(0, 1))
def test_the_curfew_changes_exactly_when_it_was_said_to(curfew: Curfew, now: float, share: float) -> None:
    change = curfew.next_change(now)
    assert change > now
    until = min(change, now + 100 * 86400)
    between = min(now + share * (until - now), math.nextafter(until, 0))
    assert curfew.active(between) is curfew.active(now)
    if change < math.inf:
        assert curfew.active(change) is not curfew.active(now)
        assert curfew.active(math.nextafter(change, 0)) is curfew.active(now)
