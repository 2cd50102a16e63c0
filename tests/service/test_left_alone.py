"""Left alone for more than a year, a service goes on, and neither its disk nor its memory fills up."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime

import pytest

from tests.service.year import BEGINNING, DAYS, ZONE, Look, Story, Year
from wake_service.server import SWITCH_SECONDS

pytestmark = pytest.mark.timeout(600)  # four hundred days on a computer that has other work

HALF = DAYS // 2
#: What two halves of the time may differ by: a half has a few more working days, or a longer month, than the other.
SLACK = 1.15


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The whole of it, lived once; threads give way as soon as in a real server."""

    async def live() -> Story:
        return await Year(tmp_path_factory.mktemp("year") / "data").live()

    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        return asyncio.run(live())
    finally:
        sys.setswitchinterval(before)


def most(year: Story, size: Callable[[Look], int]) -> tuple[int, int]:
    """The most there was in the weeks around half of the time (all that is deleted had begun to be), and in the last as many."""
    early = [size(look) for look in year.looks if 110 <= look.day <= HALF + 50]
    late = [size(look) for look in year.looks if look.day > HALF + 50]
    return max(early), max(late)


def test_every_picture_that_was_asked_for_was_painted(year: Story) -> None:
    days_of_painting, saturdays, first = 114, 57, 1
    months = sum(answers.count(202) for answers in year.noor.values())
    assert year.painted == days_of_painting + saturdays + months + first
    assert len(year.weekends) == saturdays


def test_no_table_goes_on_growing(year: Story) -> None:
    growing = {}
    for table in year.looks[0].rows:
        early, late = most(year, lambda look, table=table: look.rows[table])  # type: ignore[misc]
        if late > early * SLACK + 2:
            growing[table] = early, late
    assert growing == {}
    assert all(year.looks[-1].rows[table] for table in ("jobs", "results", "events", "wakes", "ledger", "shares", "blobs"))


def test_the_database_does_not_go_on_growing_and_its_journal_stays_small(year: Story) -> None:
    early, late = most(year, lambda look: look.database)
    assert late <= early * SLACK
    assert max(look.journal for look in year.looks) < 8_000_000


def test_the_folder_of_pictures_does_not_go_on_growing(year: Story) -> None:
    early, late = most(year, lambda look: look.pictures)
    assert 0 < late <= early * SLACK


def test_the_service_remembers_no_more_after_a_year_than_after_half_of_one(year: Story) -> None:
    growing = {}
    names = {name for look in year.looks for name in look.memory}
    for name in names - {"FakeProvider.calls"}:  # the test's own diary
        early, late = most(year, lambda look, name=name: look.memory.get(name, 0))  # type: ignore[misc]
        if late > early * SLACK + 2:
            growing[name] = early, late
    assert growing == {}


def test_the_service_has_no_more_tasks_after_a_year_than_after_half_of_one(year: Story) -> None:
    early, late = most(year, lambda look: look.tasks)
    assert late <= early + 2


def test_a_day_on_which_nobody_paints_is_not_a_line_in_the_log_but_for_what_was_cleared_away(year: Story) -> None:
    assert {line.partition(":")[0] for line in year.quiet_lines} == {"Cleared away"}


def test_a_token_stops_working_at_its_end_and_one_without_end_goes_on(year: Story) -> None:
    assert year.answers["guest until"] == 91  # the Monday after its ninety days
    assert year.answers["local"] == 200


def test_this_computers_token_file_is_never_written_anew(year: Story) -> None:
    assert year.answers["token before"] == year.answers["token after"]
    assert {look.rows["tokens"] for look in year.looks[-20:]} == {2}  # the guest's went with the history


def test_a_saturdays_picture_waits_for_the_end_of_the_curfew_also_where_the_clocks_change(year: Story) -> None:
    assert {frozenset(waited) for waited, _ in year.weekends} == {frozenset({"paused"})}
    begun = [moment for _, moment in year.weekends]
    assert {(moment.weekday(), moment.hour, moment.minute) for moment in begun} == {(0, 7, 0)}
    assert {moment.utcoffset() for moment in begun} == {ZONE.utcoffset(BEGINNING), ZONE.utcoffset(datetime(2028, 1, 1))}


def test_every_month_brings_a_new_budget(year: Story) -> None:
    whole = {month: answers for month, answers in year.noor.items() if month != "2028-11"}
    assert len(whole) == 13
    assert {answers[0] for answers in whole.values()} == {202}
    assert {answers[-1] for answers in whole.values()} == {402}


def test_what_a_month_has_cost_begins_anew_at_its_first_day(year: Story) -> None:
    assert len(year.spent) == 13
    assert "2028-02" in year.spent  # with its twenty-ninth day
    for before, now in year.spent.values():
        assert before > 5.0
        assert now < 0.5


def test_a_key_that_is_older_than_the_history_may_be_used_for_another_picture(year: Story) -> None:
    again = year.answers["the first again"]
    assert again.status == 202, again.body
    assert again.json["job"]["id"] != year.answers["first"]["id"]


def test_an_artists_stream_goes_on_in_one_count(year: Story) -> None:
    assert len({position.stream_id for position in year.positions}) == 1
    counts = [position.seq for position in year.positions]
    assert counts == sorted(counts) and counts[-1] > 500
    assert max(position.seq - position.forgotten for position in year.positions) < 50  # what a week brings
