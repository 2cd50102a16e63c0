"""Which schedules a curfew needs."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from wake_service.aws.curfew_schedule import firings
from wake_service.machines.curfew import Curfew

BERLIN = "Europe/Berlin"
HOUR = 3600.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN)).timestamp()


NOW = at("2026-11-25T12:00")
EVERY_HOUR = ",".join(map(str, range(24)))


@pytest.mark.parametrize(
    ("curfew", "allowance", "crons"),
    [
        (
            "Fri 22:00 - Mon 07:00",
            HOUR,
            ["cron(0 0,1,2,3,4,5,6 ? * MON *)", "cron(0 23 ? * FRI *)", f"cron(0 {EVERY_HOUR} ? * SAT,SUN *)"],
        ),
        ("22:00 - 07:00", HOUR, ["cron(0 0,1,2,3,4,5,6,23 ? * MON,TUE,WED,THU,FRI,SAT,SUN *)"]),
        ("Wed 22:30 - Thu 00:15", 1800, ["cron(0 23 ? * WED *)", "cron(0 0 ? * THU *)"]),
        ("Sun 23:00 - Mon 01:00", HOUR, ["cron(0 0 ? * MON *)"]),
        ("Wed 12:00 - Wed 12:30", HOUR, ["cron(29 12 ? * WED *)"]),
    ],
)
def test_machines_are_stopped_once_the_last_picture_is_done_and_every_hour_from_then_on(
    curfew: str, allowance: float, crons: list[str]
) -> None:
    found = firings(Curfew.parse(curfew, BERLIN), allowance, NOW)
    assert sorted(firing.cron for firing in found) == sorted(crons)
    assert {(firing.timezone, firing.begins, firing.ends) for firing in found} == {(BERLIN, None, None)}


@pytest.mark.parametrize(
    ("exceptions", "times"),
    [
        ([], [(None, None)]),
        (["2026-11-01 .. 2026-11-02 over"], [(None, None)]),
        (["2026-11-25 today"], [(at("2026-11-26T00:00"), None)]),
        (["2026-12-04 .. 2026-12-06 delivery"], [(None, at("2026-12-04T00:00") - 1), (at("2026-12-07T00:00"), None)]),
        (
            ["2026-12-05 .. 2026-12-08 longer", "2026-12-04 .. 2026-12-06 delivery", "2026-12-09 more"],
            [(None, at("2026-12-04T00:00") - 1), (at("2026-12-10T00:00"), None)],
        ),
    ],
)
def test_days_that_are_exempt_are_between_the_dates_of_the_schedules(
    exceptions: list[str], times: list[tuple[float | None, float | None]]
) -> None:
    found = firings(Curfew.parse("22:00 - 07:00", BERLIN, exceptions), HOUR, NOW)
    assert [(firing.begins, firing.ends) for firing in found] == times
