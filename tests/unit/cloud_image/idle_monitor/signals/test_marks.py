"""Marks of work."""

from __future__ import annotations

from pathlib import Path

from cloud_image.idle_monitor.signals.working import MarksSignal
from cloud_image.idle_monitor.verdict import Said
from cloud_image.marks import marked


def test_it_is_busy_while_somebody_has_a_mark(tmp_path: Path) -> None:
    signal = MarksSignal(tmp_path / "marks")
    assert signal.read(1.0).said is Said.IDLE
    with marked(tmp_path / "marks", "models"):
        sign = signal.read(2.0)
        assert (sign.said, sign.sentence) == (Said.BUSY, "Work goes on: models.")
    assert signal.read(3.0).said is Said.IDLE
