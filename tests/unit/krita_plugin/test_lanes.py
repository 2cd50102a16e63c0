"""Work off the GUI thread and back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.qt import QApplication
from wakebrush.session.lanes import Bridge, Lanes


@pytest.fixture
def lanes(qapp: object) -> Iterator[Lanes]:
    working = Lanes(Bridge(), kept=("disk",))
    yield working
    assert working.close(2)


def test_work_runs_elsewhere_and_its_result_comes_home(lanes: Lanes, qtbot: QtBot) -> None:
    home, seen = threading.get_ident(), []
    lanes.run("a", threading.get_ident, lambda where: seen.append((where, threading.get_ident())))
    qtbot.waitUntil(lambda: bool(seen))
    assert seen[0][0] != home and seen[0][1] == home


def test_a_failure_comes_home_too_and_the_lane_goes_on(lanes: Lanes, qtbot: QtBot) -> None:
    seen: list[object] = []
    lanes.run("a", lambda: 1 // 0, failed=seen.append)
    lanes.run("a", lambda: "next", seen.append)
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert isinstance(seen[0], ZeroDivisionError) and seen[1] == "next"


def test_a_long_task_in_one_lane_delays_no_other(lanes: Lanes, qtbot: QtBot) -> None:
    release, seen = threading.Event(), []
    lanes.run("upload", lambda: release.wait(5), seen.append)
    lanes.run("cancel", lambda: "cancelled", seen.append)
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == ["cancelled"]
    release.set()


def test_closing_drops_what_waits_but_keeps_what_must_be_written(qapp: object) -> None:
    lanes, release, done = Lanes(Bridge(), kept=("disk",)), threading.Event(), []
    begun = threading.Barrier(3)
    for lane in ("disk", "send"):
        lanes.run(lane, lambda: (begun.wait(5), release.wait(5)))
        lanes.run(lane, lambda lane=lane: done.append(lane))
    begun.wait(5)
    assert not lanes.close(0)  # it has begun to close, and both are in the middle of something
    release.set()
    assert lanes.close(5)
    assert done == ["disk"]


def test_a_thread_that_hangs_does_not_hold_up_the_end(qapp: object) -> None:
    lanes, release, started = Lanes(Bridge()), threading.Event(), threading.Event()
    lanes.run("a", lambda: (started.set(), release.wait(10)))
    assert started.wait(5)
    assert not lanes.close(0.05)
    release.set()


def test_nothing_is_told_after_the_bridge_is_closed(qtbot: QtBot) -> None:
    bridge, seen = Bridge(), []
    bridge.post(lambda: seen.append("late"))
    bridge.close()
    qtbot.wait(20)
    assert seen == []


def test_what_comes_home_comes_one_in_a_turn_of_the_event_loop_and_in_order(qapp: QApplication) -> None:
    bridge, seen = Bridge(), list[int]()
    for number in range(3):
        bridge.post(partial(seen.append, number))
    lengths = [len(seen)]
    while len(seen) < 3 and len(lengths) < 1000:
        qapp.processEvents()
        lengths.append(len(seen))
    assert seen == [0, 1, 2] and sorted(set(lengths)) == [0, 1, 2, 3]
