"""Who keeps the machine awake."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloud_image.errors import MetadataError
from cloud_image.idle_monitor.signals.hold import HoldSignal
from cloud_image.idle_monitor.terms import LONGEST
from cloud_image.idle_monitor.verdict import Said

EPOCH = 1_800_000_000.0


@dataclass
class Cloud:
    """The tag `hold-until`, and the wall clock; `down`: the metadata service does not answer."""

    tag: float | None = None
    down: bool = False
    epoch: float = EPOCH

    def read(self) -> float | None:
        if self.down:
            raise MetadataError("The metadata service does not answer.")
        return self.tag

    def wall(self) -> float:
        return self.epoch


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def signal(tmp_path: Path, cloud: Cloud) -> HoldSignal:
    return HoldSignal(tmp_path / "hold.json", cloud.read, cloud.wall)


def order(tmp_path: Path, until: object) -> None:
    (tmp_path / "hold.json").write_text(json.dumps({"until": until}))


def test_nobody_holds_a_machine_that_nobody_holds(signal: HoldSignal) -> None:
    assert signal.read(100.0).said is Said.IDLE


def test_an_order_keeps_it_awake_until_it_is_over_or_taken_back(tmp_path: Path, signal: HoldSignal) -> None:
    order(tmp_path, EPOCH + 600)
    sign = signal.read(100.0)
    assert (sign.said, sign.sentence) == (Said.BUSY, "Somebody keeps it awake for 10 min more.")
    assert signal.read(699.0).said is Said.BUSY
    assert signal.read(700.0).said is Said.IDLE
    order(tmp_path, EPOCH + 9000)
    assert signal.read(701.0).said is Said.BUSY
    (tmp_path / "hold.json").unlink()
    assert signal.read(702.0).said is Said.IDLE


def test_the_longer_of_order_and_tag_counts(tmp_path: Path, signal: HoldSignal, cloud: Cloud) -> None:
    order(tmp_path, EPOCH + 60)
    cloud.tag = EPOCH + 600
    assert signal.read(100.0).level == 600


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_clock_that_is_set_neither_ends_nor_prolongs_a_hold(
    tmp_path: Path, signal: HoldSignal, cloud: Cloud, jump: float
) -> None:
    order(tmp_path, EPOCH + 600)
    signal.read(100.0)
    cloud.epoch += jump
    assert signal.read(101.0).level == 599


def test_a_hold_that_only_a_wrong_clock_can_have_written_ends_after_a_day(tmp_path: Path, signal: HoldSignal) -> None:
    order(tmp_path, EPOCH + 50 * 365 * 86_400)
    assert signal.read(100.0).level == LONGEST


def test_a_cloud_that_does_not_answer_leaves_the_last_hold_that_was_known(signal: HoldSignal, cloud: Cloud) -> None:
    cloud.tag = EPOCH + 600
    signal.read(100.0)
    cloud.down = True
    assert signal.read(400.0).said is Said.BUSY
    assert signal.read(800.0).said is Said.MISSING


def test_an_order_that_cannot_be_read_is_missing(tmp_path: Path, signal: HoldSignal) -> None:
    for text in ("", "[]", '{"until": "tomorrow"}', "{}"):
        (tmp_path / "hold.json").write_text(text)
        assert signal.read(100.0).said is Said.MISSING


def test_the_next_process_goes_on_from_there(tmp_path: Path, signal: HoldSignal, cloud: Cloud) -> None:
    cloud.tag = EPOCH + 600
    signal.read(100.0)
    cloud.down = True
    following = HoldSignal(tmp_path / "hold.json", cloud.read, cloud.wall)
    following.recall(json.loads(json.dumps(signal.memory())))
    assert following.read(200.0).level == 500
    with pytest.raises(ValueError, match="not a"):
        following.recall([1, 2])
