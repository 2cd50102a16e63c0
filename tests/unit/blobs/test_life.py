"""How long pictures are kept, decided without a database."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.blobs.life import DAY, Holding, Retention, exceeds, kept_until, may_go

NOW = 1_800_000_000.0
MOMENTS = st.floats(0, 2 * NOW)


def holding(**changes: object) -> Holding:
    return Holding(**{"artist_id": "mira", "sha256": "a" * 64, "pinned_until": NOW, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "until"),
    [
        ({}, NOW),
        ({"jobs": 1}, math.inf),
        ({"results": 1}, math.inf),
        ({"named": 1}, math.inf),
        ({"last_ended_at": NOW}, NOW + 90 * DAY),
        ({"last_ended_at": NOW - 91 * DAY}, NOW),
    ],
    ids=["only pinned", "a job needs it", "it is a result", "it is a file", "a job ended today", "a job ended long ago"],
)
def test_a_hold_ends_with_the_last_thing_that_needs_it(changes: dict[str, object], until: float) -> None:
    assert kept_until(holding(**changes), Retention(90)) == until


@given(pinned=MOMENTS, ended=st.none() | MOMENTS, now=MOMENTS, jobs=st.integers(0, 2), results=st.integers(0, 2))
def test_what_is_pinned_or_needed_never_goes(pinned: float, ended: float | None, now: float, jobs: int, results: int) -> None:
    held = holding(pinned_until=pinned, last_ended_at=ended, jobs=jobs, results=results)
    if may_go(held, Retention(90), now):
        assert pinned <= now and not jobs and not results and (ended is None or ended + 90 * DAY <= now)


@pytest.mark.parametrize(("days", "most"), [(90, DAY), (None, DAY), (0.5, DAY / 2)])
def test_what_was_for_a_look_stays_a_day_or_as_short_as_all_else(days: float | None, most: float) -> None:
    assert Retention(days).temp_expired(NOW) == NOW - most


def test_for_ever_means_for_ever() -> None:
    retention = Retention(None)
    assert retention.expired(NOW) == -math.inf
    assert kept_until(holding(last_ended_at=0.0), retention) == math.inf


def test_the_quota_may_be_filled_to_the_last_byte() -> None:
    assert not exceeds(None, 10**15, 10**15)
    assert not exceeds(100, 60, 40)
    assert exceeds(100, 60, 41)
