"""A studio's day: the same for the same seed, within the day, in order, and of the size it says."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wake_service.simulate.artists import HOUR, STUDIO, Habit, studio_day


@given(st.integers(0, 10_000))
def test_a_day_is_in_order_and_within_its_24_hours(seed: int) -> None:
    day = studio_day(seed)
    assert all(earlier.at <= later.at for earlier, later in pairwise(day))
    assert all(0 <= request.at < 24 * HOUR and request.work >= 2 for request in day)
    assert {request.artist for request in day} <= {habit.name for habit in STUDIO}


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    assert studio_day(1) == studio_day(1) != studio_day(2)


def test_her_habits_show_over_many_days() -> None:
    habit = Habit("painter", (12.0,), length=2 * HOUR, pause=100.0, work=20.0)
    days = [studio_day(seed, (habit,)) for seed in range(200)]
    pictures = [request for day in days for request in day]
    assert 60 < len(pictures) / len(days) < 90, "two hours at a picture every 100 s"
    assert 18 < sum(request.work for request in pictures) / len(pictures) < 22
