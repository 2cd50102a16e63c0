"""Which copies of the models' disk are made and deleted: decided from AWS's list alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.providers.ec2.copies import Copy, Upkeep, upkeep

DAY = 86_400.0
NOW = 1_800_000_000.0
DAYS = 14.0


def aged(days: float, state: str = "completed") -> Copy:
    return Copy(f"snap-{days:g}-{state}", NOW - days * DAY, state)


@pytest.mark.parametrize(
    ("copies", "due"),
    [
        ([], Upkeep(True)),
        ([aged(6.9)], Upkeep(False)),
        ([aged(7.1)], Upkeep(True)),
        ([aged(7.1), aged(0, "pending")], Upkeep(False)),
        ([aged(0, "pending")], Upkeep(False)),
        ([aged(1, "error")], Upkeep(True, ("snap-1-error",))),
        ([aged(9), aged(1), aged(5)], Upkeep(False, ("snap-9-completed",))),
        ([aged(9), aged(8), aged(0, "pending")], Upkeep(False)),
        ([aged(1, "recovering")], Upkeep(True)),
    ],
)
def test_the_next_copy_is_made_at_half_the_age_and_two_are_left(copies: list[Copy], due: Upkeep) -> None:
    assert upkeep(copies, DAYS, NOW) == due


COPIES = st.lists(
    st.builds(
        Copy,
        id=st.uuids().map(str),
        begun_at=st.floats(NOW - 100 * DAY, NOW),
        state=st.sampled_from(["pending", "completed", "completed", "error", "recovering"]),
    ),
    max_size=8,
    unique_by=lambda copy: copy.id,
)


@given(COPIES, st.floats(0.5, 60))
def test_the_newest_two_complete_ones_stay_whatever_there_is(copies: list[Copy], days: float) -> None:
    due = upkeep(copies, days, NOW)
    complete = [one for one in copies if one.state == "completed"]
    left = sorted(one.begun_at for one in complete if one.id not in due.delete)
    assert left == sorted(one.begun_at for one in complete)[-2:]
    assert not [one for one in copies if one.id in due.delete and one.state in ("pending", "recovering")]


@given(COPIES, st.floats(0.5, 60))
def test_there_are_never_two_on_their_way(copies: list[Copy], days: float) -> None:
    assert not (upkeep(copies, days, NOW).make and any(one.state == "pending" for one in copies))


@given(st.lists(st.floats(0.01, 3), min_size=1, max_size=60), st.floats(6, 20))
def test_where_machines_sleep_often_a_young_one_is_always_there(pauses: list[float], days: float) -> None:
    """Machines sleep at least every three days, and a copy is complete at the next sleep."""
    now, copies = NOW, [Copy("first", NOW)]
    for number, pause in enumerate(pauses):
        now += pause * DAY
        copies = [Copy(one.id, one.begun_at) for one in copies]
        due = upkeep(copies, days, now)
        assert now - max(one.begun_at for one in copies) < days * DAY
        copies = [one for one in copies if one.id not in due.delete]
        if due.make:
            copies.append(Copy(str(number), now, "pending"))
        assert len(copies) <= 3
