"""The verdict's rules, one by one, and how samples are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloud_image.idle_monitor import history
from cloud_image.idle_monitor.policy import AUTO_LEAST, AUTO_MOST, Policy, auto_window
from cloud_image.idle_monitor.sampler import folded
from cloud_image.idle_monitor.terms import LONGEST, Term, carried
from cloud_image.idle_monitor.verdict import Now, Said, Sample, Sign, verdict, working
from cloud_image.settings import IdleSettings

POLICY = Policy(window=1800.0, boot_seconds=600.0, missing_seconds=900.0, blink=30.0)
WALL = 1_800_000_000.0


def sample(begin: float, end: float, **says: Said) -> Sample:
    signs = tuple(Sign(name, said, f"{name}: {said}") for name, said in says.items())
    return Sample(begin, end, WALL + end, signs, end if Said.BUSY in says.values() else None)


def now(boot: float, lease_ends: float | None = None, awake_since: float = 0.0) -> Now:
    return Now(boot, WALL + boot, awake_since, lease_ends)


def test_every_reason_is_said() -> None:
    samples = [sample(0, 60, gpu=Said.BUSY, engine=Said.BUSY, ssh=Said.IDLE, hold=Said.MISSING)]
    found = verdict(samples, now(60), POLICY)
    assert found.because == ("gpu: busy", "engine: busy", "The machine has just begun to run.", "hold: missing")
    assert found.busy and not found.stop_now and found.sleeps_at is None


def test_it_sleeps_a_window_after_the_last_work() -> None:
    samples = [sample(5000, 5060, gpu=Said.BUSY), sample(5060, 5120, gpu=Said.IDLE)]
    found = verdict(samples, now(5120), POLICY)
    assert found.sleeps_at == WALL + 5060 + 1800
    assert not found.stop_now and not found.because


@pytest.mark.parametrize(("at", "stops"), [(6859.9, False), (6860.0, True)])
def test_it_stops_when_the_window_is_over_and_not_before(at: float, stops: bool) -> None:
    samples = [sample(5000, 5060, gpu=Said.BUSY), sample(5060, at, gpu=Said.IDLE)]
    assert verdict(samples, now(at), POLICY).stop_now is stops


@pytest.mark.parametrize(
    ("lease_ends", "at", "stops"), [(None, 7760, True), (7700, 7760, True), (9000, 7760, False), (9000, 9000, True)]
)
def test_a_missing_signal_is_waited_for_and_then_the_lease_decides(lease_ends: float | None, at: float, stops: bool) -> None:
    samples = [sample(5000, 5060, gpu=Said.BUSY), sample(5060, at, gpu=Said.MISSING)]
    assert verdict(samples, now(at, lease_ends), POLICY).stop_now is stops
    assert not verdict([samples[0], sample(5060, 7759, gpu=Said.MISSING)], now(7759, lease_ends), POLICY).stop_now


def test_a_lease_that_decides_is_said() -> None:
    samples = [sample(5000, 5060, gpu=Said.BUSY), sample(5060, 8000, gpu=Said.MISSING)]
    assert "lease" in verdict(samples, now(8000, 9000.0), POLICY).because[-1]
    assert "lease" not in verdict(samples, now(8000), POLICY).because


def test_what_is_not_there_at_all_keeps_nothing_awake() -> None:
    samples = [sample(5000, 5060, gpu=Said.ABSENT, engine=Said.BUSY), sample(5060, 6860, gpu=Said.ABSENT, engine=Said.IDLE)]
    assert verdict(samples, now(6860), POLICY).stop_now


@pytest.mark.parametrize(("at", "stops"), [(599, False), (601, False), (3299, False), (3300, True)])
def test_a_machine_that_nobody_watched_has_the_boot_grace_and_then_the_rule_of_what_is_missing(at: float, stops: bool) -> None:
    assert verdict([], now(at), POLICY).stop_now is stops
    assert not verdict([], now(at, lease_ends=4000.0), POLICY).stop_now


def test_the_alarm_is_told_of_work_of_a_lease_and_of_a_boot() -> None:
    idle = sample(5000, 5060, gpu=Said.IDLE)
    assert not working(idle, now(5060))
    assert working(sample(5000, 5060, gpu=Said.BUSY), now(5060))
    assert working(idle, now(5060, lease_ends=5061))
    assert not working(idle, now(5060, lease_ends=5060))
    assert working(idle, now(5060, awake_since=4990))
    assert not working(sample(5000, 5060, gpu=Said.MISSING), now(5060))


def test_samples_that_say_the_same_become_one_and_know_since_when() -> None:
    samples: list[Sample] = []
    for begin in range(0, 6000, 60):
        samples = history.extended(samples, sample(begin, begin + 60, gpu=Said.IDLE, engine=Said.MISSING), POLICY)
    assert len(samples) == 1 and (samples[0].begin, samples[0].end) == (0, 6000)
    samples = history.extended(samples, sample(6000, 6060, gpu=Said.BUSY, engine=Said.MISSING), POLICY)
    assert [(sign.signal, sign.since) for sign in samples[-1].signs] == [("gpu", 6000), ("engine", 0)]


@pytest.mark.parametrize(
    "written",
    [
        None,
        1,
        "abc",
        [1],
        [[1, 2, 3, None]],
        [[1, 2, 3, None, [["gpu"]]]],
        [[1, 2, 3, None, [["gpu", "asleep", "", 0, 0]]]],
        [[2, 1, 3, None, []]],
    ],
)
def test_what_is_no_history_is_refused(written: object) -> None:
    with pytest.raises(ValueError):
        history.of_json(written)


def test_a_signal_is_busy_if_it_ever_was_at_its_busiest() -> None:
    def sign(said: Said, level: float) -> Sign:
        return Sign("gpu", said, f"{level}", level)

    assert folded([sign(Said.IDLE, 1), sign(Said.BUSY, 80), sign(Said.BUSY, 20), sign(Said.MISSING, 0)]).level == 80
    assert folded([sign(Said.IDLE, 1), sign(Said.MISSING, 0), sign(Said.IDLE, 3), sign(Said.IDLE, 2)]).level == 3
    assert folded([sign(Said.IDLE, 1), sign(Said.MISSING, 0)]).said is Said.MISSING
    assert folded([sign(Said.MISSING, 0), sign(Said.MISSING, 0), sign(Said.IDLE, 1)]).said is Said.MISSING
    assert folded([sign(Said.MISSING, 0), sign(Said.IDLE, 1)]).said is Said.IDLE


@pytest.mark.parametrize(
    ("changes", "window"),
    [
        ({}, 2700.0),
        ({"price_per_hour": 10.0}, 270.0),
        ({"price_per_hour": 1e6}, AUTO_LEAST),
        ({"price_per_hour": 0.0}, AUTO_MOST),
        ({"wait_value_per_hour": 0.0}, AUTO_LEAST),
        ({"wait_value_per_hour": 0.0, "price_per_hour": 0.0}, AUTO_MOST),
    ],
)
def test_the_automatic_window_has_cost_what_a_wait_is_worth(changes: dict[str, float], window: float) -> None:
    settings = replace(IdleSettings(seconds="auto"), **changes)  # type: ignore[arg-type]
    assert auto_window(settings) == window == Policy.of(settings).window


def test_a_term_is_kept_as_it_was_first_seen() -> None:
    first = carried(None, WALL + 600, boot=100.0, wall=WALL)
    assert first == Term(WALL + 600, 700.0)
    assert carried(first, WALL + 600, boot=200.0, wall=WALL + 9000) == first
    assert carried(first, WALL + 900, boot=200.0, wall=WALL + 100) == Term(WALL + 900, 1000.0)
    assert carried(first, None, boot=200.0, wall=WALL) is None
    assert carried(None, WALL + 1e9, boot=100.0, wall=WALL) == Term(WALL + 1e9, 100.0 + LONGEST)
    assert Term.of_json(first.as_json()) == first
