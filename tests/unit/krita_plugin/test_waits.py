"""Waits run down between two messages, and never turn back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from wakebrush.client.model import Job, Machine
from wakebrush.session import Session
from wakebrush.session.waits import Countdown, Waits

from .fake_service import FakeService


class Clock:
    """Monotonic seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def waking(eta: float | None, **more: object) -> Machine:
    return Machine("m", "waking", **{"stage": "booting", "eta_seconds": eta, "since": 100.0, **more})  # type: ignore[arg-type]


def test_a_wait_runs_down_from_the_moment_it_was_told() -> None:
    clock = Clock()
    waits, machine = Waits(clock), waking(4.0)
    assert waits.as_of_now(machine).eta_seconds == 4.0
    clock.now += 3
    assert waits.as_of_now(machine).eta_seconds == 1.0
    clock.now += 3
    assert waits.as_of_now(machine).eta_seconds == -2.0


def test_the_same_estimate_told_again_is_a_new_one_that_slows_the_countdown() -> None:
    clock = Clock()
    waits = Waits(clock)
    waits.as_of_now(waking(10.0))
    clock.now += 4
    again = waking(12.0)
    assert waits.as_of_now(again).eta_seconds == pytest.approx(6.0)
    clock.now += 12
    assert waits.as_of_now(again).eta_seconds == pytest.approx(0.0)


def test_another_wake_and_another_job_are_other_waits() -> None:
    waits = Waits(Clock())
    waits.as_of_now(waking(4.0))
    assert waits.as_of_now(waking(60.0, since=200.0)).eta_seconds == 60.0
    assert waits.as_of_now(Job("j", "queued", eta_seconds=20.0)).eta_seconds == 20.0
    assert waits.as_of_now(Job("k", "queued", eta_seconds=30.0)).eta_seconds == 30.0
    assert waits.as_of_now(waking(None)).eta_seconds is None


def test_what_is_waited_for_no_more_is_forgotten() -> None:
    clock = Clock()
    waits = Waits(clock)
    waits.as_of_now(Job("j", "queued", eta_seconds=4.0))
    clock.now += 3
    waits.forget(["j", "unknown"])
    assert waits.as_of_now(Job("j", "queued", eta_seconds=60.0)).eta_seconds == 60.0


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 600)), min_size=1, max_size=20))
def test_a_countdown_never_turns_back(told: list[tuple[float, float]]) -> None:
    now = 1000.0
    countdown, shown = Countdown(600.0, now), 600.0
    for pause, seconds in told:
        now += pause
        countdown = countdown.corrected(seconds, now)
        assert countdown.at(now) <= shown + 1e-6
        shown = countdown.at(now)


def test_the_state_line_counts_down_without_a_word_from_the_service(
    new_session: Callable[..., Session], service: FakeService, qtbot: QtBot
) -> None:
    clock = Clock()
    session = new_session(service, clock=clock)
    qtbot.waitUntil(lambda: session.connected, timeout=5000)
    service.tell_machine(state="waking", stage="booting", eta_seconds=4.0, wake_seconds=None)
    qtbot.waitUntil(lambda: session.state_line.sentence == "Waking: booting. About 4 s left.", timeout=5000)
    clock.now += 2
    qtbot.waitUntil(lambda: session.state_line.sentence == "Waking: booting. About 2 s left.", timeout=5000)
    clock.now += 5
    qtbot.waitUntil(lambda: session.state_line.sentence == "Waking: booting. A moment left.", timeout=5000)
    service.tell_machine(state="ready")
    qtbot.waitUntil(lambda: session.state_line.sentence == "Ready.", timeout=5000)
