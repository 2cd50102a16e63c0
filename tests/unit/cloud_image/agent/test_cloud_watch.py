"""Who the machine is, and whether the cloud wants it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_image.agent.cloud_watch import SILENCE, CloudWatch, boot_id, known_name
from cloud_image.agent.state import State
from cloud_image.agent.wire import Notice
from cloud_image.metadata import Notice as CloudNotice
from tests.unit.cloud_image.agent.conftest import Background, moved, soon
from tests.unit.cloud_image.agent.fakes import IDENTITY, FakeMetadata, nothing
from wake_service.clock import ManualClock


@pytest.fixture
def metadata() -> FakeMetadata:
    return FakeMetadata()


@pytest.fixture
def watch(metadata: FakeMetadata, state: State, clock: ManualClock, background: Background) -> CloudWatch:
    watch = CloudWatch(metadata, state, clock, period=5, named=False, beat=nothing)
    background(watch.run())
    return watch


def sentences(state: State) -> list[str]:
    return [happening.sentence for happening in state.facts.happened]


async def test_the_machine_has_its_name_as_soon_as_the_cloud_says_it(watch: CloudWatch, state: State) -> None:
    await soon(lambda: state.facts.machine == IDENTITY.machine)


async def test_a_notice_is_told_with_a_sentence_and_taken_back(
    watch: CloudWatch, metadata: FakeMetadata, state: State, clock: ManualClock
) -> None:
    metadata.wanted = CloudNotice("interruption", 1_800_000_120.0)
    await moved(clock, lambda: state.facts.notice is not None, step=5)
    assert state.facts.notice == Notice("interruption", 1_800_000_120.0)
    metadata.wanted = CloudNotice("rebalance", 1_800_000_130.0)
    await moved(clock, lambda: state.facts.notice == Notice("rebalance", 1_800_000_130.0), step=5)
    metadata.wanted = None
    await moved(clock, lambda: state.facts.notice is None, step=5)
    assert sentences(state) == ["The cloud takes this machine back.", "The cloud may take this machine back soon."]


async def test_a_silent_metadata_service_is_said_once_it_has_lasted_and_once_only(
    watch: CloudWatch, metadata: FakeMetadata, state: State, clock: ManualClock
) -> None:
    await soon(lambda: state.facts.machine == IDENTITY.machine)
    metadata.up = False
    begun = clock.now()
    await moved(clock, lambda: sentences(state), step=5)
    assert clock.now() - begun >= SILENCE and "would come without warning" in sentences(state)[0]
    for _ in range(5):
        await clock.advance(SILENCE)
    assert len(sentences(state)) == 1
    metadata.up, metadata.wanted = True, CloudNotice("interruption", 1.0)
    await moved(clock, lambda: state.facts.notice is not None, step=5)


def test_the_name_is_read_where_it_was_written_down_in_this_boot(tmp_path: Path) -> None:
    path = tmp_path / "identity.json"
    assert known_name(path, "ec2") is None
    assert known_name(path, "none")
    path.write_text(IDENTITY.as_json())
    assert known_name(path, "ec2") == IDENTITY.machine
    path.write_text("{}")
    assert known_name(path, "ec2") is None


def test_the_boot_has_the_kernels_name() -> None:
    assert len(boot_id()) == 36 == len(boot_id())
