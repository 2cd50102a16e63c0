"""Models are read in the order in which the waiting job needs them."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from cloud_image.agent.prefetch import BLOCK, PAUSE, DiskReader, Prefetcher
from cloud_image.agent.state import MOST_HOT, State
from tests.unit.cloud_image.agent.conftest import Background, soon
from tests.unit.cloud_image.agent.fakes import FakeReader, nothing
from wake_service.clock import ManualClock, settle


@pytest.fixture
def reader() -> FakeReader:
    return FakeReader(**{f"m{number}": 10 for number in range(200)})


@pytest.fixture
def prefetcher(reader: FakeReader, state: State, clock: ManualClock, background: Background) -> Prefetcher:
    prefetcher = Prefetcher(reader, state, clock, beat=nothing)
    background(prefetcher.run())
    return prefetcher


def sentences(state: State) -> list[str]:
    return [happening.sentence for happening in state.facts.happened]


async def test_models_are_read_in_the_order_asked_once_each(prefetcher: Prefetcher, reader: FakeReader, state: State) -> None:
    prefetcher.ask(["m3", "m1", "nowhere", "m3", "m2"])
    await soon(lambda: len(state.facts.models.hot) == 3)
    assert reader.read == ["m3", "m1", "nowhere", "m2"] and state.facts.models.hot == ("m3", "m1", "m2")
    assert not state.facts.happened, "a model that is not there is no failure"


async def test_a_newer_order_ends_the_one_before(prefetcher: Prefetcher, reader: FakeReader, state: State) -> None:
    reader.gate = threading.Event()
    prefetcher.ask(["m1", "m2"])
    await soon(lambda: reader.read == ["m1"])
    prefetcher.ask(["m3"])
    await soon(lambda: reader.read == ["m1", "m3"])
    reader.gate.set()
    await soon(lambda: state.facts.models.hot == ("m3",))
    assert reader.read == ["m1", "m3"]


async def test_an_empty_order_only_ends_what_was_asked(prefetcher: Prefetcher, reader: FakeReader, state: State) -> None:
    reader.gate = threading.Event()
    prefetcher.ask(["m1", "m2"])
    await soon(lambda: reader.read == ["m1"])
    prefetcher.ask([])
    reader.gate.set()
    prefetcher.ask(["m5"])
    await soon(lambda: state.facts.models.hot == ("m5",))
    assert "m2" not in reader.read


async def test_reading_ends_when_the_memory_is_full_because_the_first_would_be_pushed_out(
    prefetcher: Prefetcher, reader: FakeReader, state: State
) -> None:
    reader.memory = 25
    prefetcher.ask(["m1", "m2", "m3", "m4"])
    await soon(lambda: state.facts.happened)
    assert reader.read == ["m1", "m2", "m3"] and state.facts.models.hot == ("m1", "m2")
    assert "m3" in sentences(state)[0]


async def test_a_damaged_model_is_said_once_and_the_next_is_read(
    prefetcher: Prefetcher, reader: FakeReader, state: State
) -> None:
    reader.troubles["m1"] = "The model m1 is damaged."
    for last in ("m2", "m3"):
        prefetcher.ask(["m1", last])
        await soon(lambda last=last: last in state.facts.models.hot)
    assert sentences(state) == ["The model m1 is damaged."] and "m1" not in state.facts.models.hot


async def test_the_list_of_hot_models_is_bounded(prefetcher: Prefetcher, state: State) -> None:
    prefetcher.ask([f"m{number}" for number in range(MOST_HOT + 5)])
    await soon(lambda: state.facts.models.hot[-1:] == (f"m{MOST_HOT + 4}",))
    assert len(state.facts.models.hot) == MOST_HOT


async def test_a_model_that_the_kernel_let_go_of_is_not_hot_any_more(
    prefetcher: Prefetcher, reader: FakeReader, state: State, clock: ManualClock
) -> None:
    prefetcher.ask(["m1", "m2"])
    await soon(lambda: len(state.facts.models.hot) == 2)
    await settle()
    reader.evicted = {"m1"}
    await clock.advance(PAUSE)
    await soon(lambda: state.facts.models.hot == ("m2",))


GO = threading.Event()


@pytest.fixture
def tiers(tmp_path: Path) -> tuple[Path, Path]:
    for tier in ("local", "shared"):
        (tmp_path / tier / "checkpoints").mkdir(parents=True)
    return tmp_path / "local", tmp_path / "shared"


def weights(size: int = 64) -> bytes:
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(size)


def test_a_model_is_found_on_the_first_tier_that_has_it(tiers: tuple[Path, Path]) -> None:
    local, shared = tiers
    (local / "checkpoints/a.safetensors").write_bytes(weights(64))
    (shared / "checkpoints/a.safetensors").write_bytes(weights(128))
    (shared / "checkpoints/b.safetensors").write_bytes(weights(BLOCK * 3))
    reader = DiskReader(tiers)
    assert reader.fetch("checkpoints/a.safetensors", GO).size == len(weights(64))
    fetched = reader.fetch("checkpoints/b.safetensors", GO)
    assert fetched.whole and fetched.size == len(weights(BLOCK * 3))


@pytest.mark.parametrize(
    "name", ["checkpoints/none.ckpt", "../secret", "/etc/passwd", "", "checkpoints", "a\0b", "checkpoints/out.ckpt"]
)
def test_what_is_no_model_here_is_missing(tiers: tuple[Path, Path], name: str) -> None:
    (tiers[0].parent / "secret").write_bytes(b"secret")
    (tiers[0] / "checkpoints/out.ckpt").symlink_to(tiers[0].parent / "secret")
    assert DiskReader(tiers).fetch(name, GO).missing


def test_a_link_from_one_tier_to_another_is_followed(tiers: tuple[Path, Path]) -> None:
    (tiers[1] / "checkpoints/a.ckpt").write_bytes(b"weights")
    (tiers[0] / "checkpoints/a.ckpt").symlink_to(tiers[1] / "checkpoints/a.ckpt")
    assert DiskReader(tiers).fetch("checkpoints/a.ckpt", GO).whole


def test_a_model_in_the_folders_other_name_is_found(tiers: tuple[Path, Path]) -> None:
    (tiers[0] / "clip").mkdir()
    (tiers[0] / "clip/t5.safetensors").write_bytes(weights())
    assert DiskReader(tiers).fetch("text_encoders/t5.safetensors", GO).whole


def test_whether_a_model_is_in_memory_is_seen(tiers: tuple[Path, Path]) -> None:
    path = tiers[0] / "checkpoints/a.safetensors"
    path.write_bytes(weights(BLOCK * 4))
    reader = DiskReader(tiers)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    assert not reader.cached("checkpoints/a.safetensors")
    assert reader.fetch("checkpoints/a.safetensors", GO).whole
    assert reader.cached("checkpoints/a.safetensors")
    assert not reader.cached("checkpoints/nowhere.ckpt")


def test_a_damaged_model_is_not_read_and_said(tiers: tuple[Path, Path]) -> None:
    (tiers[0] / "checkpoints/a.safetensors").write_bytes(weights()[:-1])
    fetched = DiskReader(tiers).fetch("checkpoints/a.safetensors", GO)
    assert not fetched.whole and "ends early" in fetched.trouble and "add it again" in fetched.trouble


def test_a_reading_that_is_told_to_stop_stops(tiers: tuple[Path, Path]) -> None:
    (tiers[0] / "checkpoints/a.ckpt").write_bytes(b"weights")
    stop = threading.Event()
    stop.set()
    assert not DiskReader(tiers).fetch("checkpoints/a.ckpt", stop).whole


def test_the_room_is_what_the_kernel_says_is_available(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemAvailable:       64 kB\n")
    assert DiskReader([], tmp_path / "meminfo").room() == 65536
    assert DiskReader([]).room() > 0
