"""Random lives of a machine: what a verdict never does, and what it always does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings

from cloud_image.idle_monitor.verdict import verdict
from tests.unit.cloud_image.idle_monitor.life import LIVES, PERIOD, POLICY, STEP, Placed, Watch, lived, stopped_at

WINDOW, GRACE = POLICY.window, POLICY.missing_seconds


def last_work(life: Sequence[Placed], at: float) -> float:
    """When the machine was last at work, or may have been, before `at`: work, its boot, and time that nobody watched."""
    before = [part for part in life if part.begin < at and (part.busy or part.unwatched)]
    return max([POLICY.boot_seconds, *(min(part.end, at) for part in before)])


def last_start(life: Sequence[Placed], at: float) -> float:
    """Until when the newest start counts as work: of a monitor that has lost its memory, and of a machine that was suspended,
    which a dead monitor notices when it runs again."""
    found, resumed = 0.0, False
    for part in life:
        if part.begin >= at:
            break
        if resumed and part.stretch.watch is not Watch.DEAD:
            found = max(found, part.begin + POLICY.boot_seconds)
        if part.stretch.watch is Watch.LOST:
            found = max(found, part.begin)
        resumed = part.stretch.watch is Watch.SUSPENDED or (resumed and part.stretch.watch is Watch.DEAD)
    return found


@settings(max_examples=4000)
@given(LIVES)
def test_no_machine_ever_stops_within_a_window_that_has_work(life: list[Placed]) -> None:
    at = stopped_at(life)
    assert at is not None
    assert not [part for part in life if (part.busy or part.unwatched) and part.begin < at and part.end > at - WINDOW]
    assert at >= POLICY.boot_seconds + WINDOW


@settings(max_examples=3000)
@given(LIVES)
def test_every_machine_stops_within_window_and_grace_and_period_after_its_last_work(life: list[Placed]) -> None:
    for look in lived(life):
        worked = max(last_work(life, look.at), last_start(life, look.at))
        missing = any(part.missing and part.begin < look.at and part.end > worked - STEP for part in life)
        limit = worked + WINDOW + PERIOD + (GRACE if missing else 0.0)
        if missing and look.now.lease_ends is not None:
            limit = max(limit, look.now.lease_ends + PERIOD)
        assert look.at <= limit
        if look.found.stop_now:
            return
    raise AssertionError("It never stopped.")


@settings(max_examples=1000)
@given(LIVES)
def test_what_is_missing_is_waited_for_and_then_the_lease_decides(life: list[Placed]) -> None:
    life = [replace(part, stretch=replace(part.stretch, jump=0)) for part in life]
    *_, end = lived(life)
    waited_for = [part for part in life if part.missing and part.end - part.begin > 2 * PERIOD]
    missed = [p for p in waited_for if p.begin < end.at - 2 * PERIOD and p.end > end.at - WINDOW + 2 * PERIOD]
    if missed:
        worked = last_work(life, end.at)
        assert end.at >= WINDOW + min(worked + GRACE, max(part.end for part in missed) - 2 * PERIOD)
    if any(p.begin < end.at - 2 * PERIOD and p.end >= end.at for p in waited_for) and end.now.lease_ends is not None:
        assert end.at >= end.now.lease_ends


@settings(max_examples=1000)
@given(LIVES)
def test_a_clock_that_jumps_changes_nothing(life: list[Placed]) -> None:
    steady = [replace(part, stretch=replace(part.stretch, jump=0, lease=None)) for part in life]
    jumping = [replace(part, stretch=replace(part.stretch, lease=None)) for part in life]
    assert stopped_at(jumping) == stopped_at(steady)


@settings(max_examples=1000)
@given(LIVES)
def test_a_history_that_is_kept_small_says_the_same_as_all_samples(life: list[Placed]) -> None:
    for look in lived(life):
        whole = verdict(look.raw, look.now, POLICY)
        assert look.found == replace(whole, suspicious=look.found.suspicious)
        assert len(look.samples) <= 2 + (WINDOW + GRACE + 1000) / PERIOD


@settings(max_examples=300)
@given(LIVES)
def test_who_is_busy_does_not_sleep_and_who_is_not_says_when(life: list[Placed]) -> None:
    for look in lived(life):
        assert look.found.busy == bool(look.found.because) == (look.found.sleeps_at is None)
        assert not (look.found.busy and look.found.stop_now)
        if look.found.sleeps_at is not None:
            assert look.found.sleeps_at >= look.now.wall
