"""What artists send, seen by the guard's log."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cloud_image.idle_monitor.signals.activity import ActivitySignal
from cloud_image.idle_monitor.verdict import Said


def test_a_line_in_the_log_is_work_once(tmp_path: Path) -> None:
    log = tmp_path / "activity.log"
    signal = ActivitySignal(log)
    assert signal.read(1.0).said is Said.IDLE
    log.write_text("POST /prompt\n")
    assert signal.read(2.0).said is Said.BUSY
    sign = signal.read(182.0)
    assert (sign.said, sign.sentence) == (Said.IDLE, "An artist sent something 3 min ago.")


def test_a_line_that_came_between_two_processes_is_seen(tmp_path: Path) -> None:
    log = tmp_path / "activity.log"
    log.write_text("POST /prompt\n")
    before = ActivitySignal(log)
    assert before.read(1.0).said is Said.IDLE
    memory = json.loads(json.dumps(before.memory()))
    with log.open("a") as more:
        more.write("POST /upload/image\n")
    after = ActivitySignal(log)
    after.recall(memory)
    assert after.read(60.0).said is Said.BUSY


def test_the_clock_it_was_written_by_does_not_matter(tmp_path: Path) -> None:
    log = tmp_path / "activity.log"
    log.write_text("POST /prompt\n")
    signal = ActivitySignal(log)
    signal.read(1.0)
    os.utime(log, (1.0, 1.0))
    assert signal.read(2.0).said is Said.BUSY


@pytest.mark.parametrize("memory", [None, {}, [1], ["x", 1.0], [["x"], 1.0], [None, None, None]])
def test_a_damaged_memory_is_refused(tmp_path: Path, memory: object) -> None:
    with pytest.raises(ValueError, match="memory"):
        ActivitySignal(tmp_path / "activity.log").recall(memory)
