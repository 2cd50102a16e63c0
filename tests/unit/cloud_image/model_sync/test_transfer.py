"""One model on its way: resumed, checked, and named only when it is whole."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from cloud_image.errors import ModelError
from cloud_image.model_sync.plan import Remote
from cloud_image.model_sync.rate import Rate
from cloud_image.model_sync.source import FolderSource, ModelChanged
from cloud_image.model_sync.tier import Tier
from cloud_image.model_sync.transfer import PAUSES, Transfer
from tests.unit.cloud_image.model_sync.world import BASE, BYTES, Disk, Flaky, put


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "disk")


@pytest.fixture
def source(tmp_path: Path) -> Flaky:
    put(tmp_path / "mount", BASE)
    return Flaky(FolderSource(tmp_path / "mount"))


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def transfer(disk: Disk, source: Flaky, slept: list[float]) -> Transfer:
    return Transfer(source, disk.tier, Rate(0), slept.append)


def model_of(source: Flaky) -> Remote:
    (model,) = source.listing().models
    return model


def test_it_arrives_whole_readable_for_the_engine_and_leaves_no_part(disk: Disk, source: Flaky, transfer: Transfer) -> None:
    transfer.bring(model_of(source))
    path = disk.root / BASE
    assert path.read_bytes() == BYTES
    assert path.stat().st_mode & 0o777 == 0o644
    assert disk.parts == []
    (here,) = disk.tier.models()
    assert (here.ours, here.version) == (True, model_of(source).version)


def test_a_read_that_breaks_goes_on_where_it_stopped(disk: Disk, source: Flaky, transfer: Transfer, slept: list[float]) -> None:
    source.breaks = [700_000, 500_000]
    transfer.bring(model_of(source))
    assert source.starts == [0, 700_000, 1_200_000]
    assert (disk.root / BASE).read_bytes() == BYTES
    assert slept == [PAUSES[0], PAUSES[0]]


def test_a_later_try_goes_on_where_an_earlier_process_stopped(disk: Disk, source: Flaky, transfer: Transfer) -> None:
    source.breaks, source.error = [700_000], ModelError("no right any more")
    with pytest.raises(ModelError, match="no right"):
        transfer.bring(model_of(source))
    assert not (disk.root / BASE).exists()
    Transfer(source, disk.tier, Rate(0)).bring(model_of(source))
    assert source.starts == [0, 700_000]
    assert (disk.root / BASE).read_bytes() == BYTES


def test_a_network_that_stays_away_is_given_up_after_the_last_pause(
    disk: Disk, source: Flaky, transfer: Transfer, slept: list[float]
) -> None:
    source.breaks = [0] * 10
    with pytest.raises(ModelError, match="broke") as caught:
        transfer.bring(model_of(source))
    assert caught.value.passing
    assert slept == list(PAUSES)


def test_a_source_that_ends_too_early_is_asked_again(disk: Disk, source: Flaky, transfer: Transfer) -> None:
    source.breaks, source.error = [700_000], StopEarly()
    transfer.bring(model_of(source))
    assert (disk.root / BASE).read_bytes() == BYTES


class StopEarly(ModelError):
    def __init__(self) -> None:
        super().__init__("ended", passing=True)


def test_bytes_that_are_not_those_that_were_added_never_get_the_name(
    disk: Disk, source: Flaky, transfer: Transfer, tmp_path: Path
) -> None:
    put(tmp_path / "mount", BASE, BYTES, sha256="0" * 64)
    with pytest.raises(ModelError, match=r"not what was added"):
        transfer.bring(model_of(source))
    assert not (disk.root / BASE).exists()
    assert disk.parts == []


def test_a_part_that_rotted_on_the_disk_is_found_out(disk: Disk, source: Flaky, transfer: Transfer) -> None:
    model = model_of(source)
    part = disk.tier.part(model)
    part.parent.mkdir()
    part.write_bytes(b"rotten")
    with pytest.raises(ModelError, match="not what was added"):
        transfer.bring(model)
    transfer.bring(model)
    assert (disk.root / BASE).read_bytes() == BYTES


def test_checking_what_had_arrived_is_no_use_of_it(disk: Disk, source: Flaky, transfer: Transfer) -> None:
    part = disk.tier.part(model_of(source))
    part.parent.mkdir()
    part.write_bytes(BYTES)
    transfer.bring(model_of(source))
    assert disk.tier.in_use(0.0) == set()
    (disk.root / BASE).read_bytes()
    assert disk.tier.in_use(0.0) == {BASE}


def test_a_part_of_another_version_is_never_continued(disk: Disk, source: Flaky, transfer: Transfer, tmp_path: Path) -> None:
    source.breaks, source.error = [700_000], ModelError("stop")
    with pytest.raises(ModelError, match="stop"):
        transfer.bring(model_of(source))
    put(tmp_path / "mount", BASE, BYTES[::-1])
    transfer.bring(model_of(source))
    assert (disk.root / BASE).read_bytes() == BYTES[::-1]


def test_a_model_that_changes_half_way_leaves_nothing(disk: Disk, source: Flaky, transfer: Transfer) -> None:
    source.breaks, source.error = [700_000], ModelChanged(BASE)
    with pytest.raises(ModelChanged):
        transfer.bring(model_of(source))
    assert disk.parts == []


def test_a_new_version_replaces_the_old_one_whose_readers_keep_theirs(
    disk: Disk, source: Flaky, transfer: Transfer, tmp_path: Path
) -> None:
    transfer.bring(model_of(source))
    with (disk.root / BASE).open("rb") as reader:
        put(tmp_path / "mount", BASE, b"new")
        transfer.bring(model_of(source))
        assert reader.read() == BYTES
    assert (disk.root / BASE).read_bytes() == b"new"


def test_a_full_disk_is_a_sentence_and_gives_its_room_back(disk: Disk, source: Flaky, tmp_path: Path) -> None:
    class Full(Rate):
        def take(self, size: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ModelError, match="full"):
        Transfer(source, disk.tier, Full(0)).bring(model_of(source))
    assert disk.parts == [] and not (disk.root / BASE).exists()


def test_an_empty_file_is_a_file(disk: Disk, source: Flaky, transfer: Transfer, tmp_path: Path) -> None:
    put(tmp_path / "mount", BASE, b"")
    transfer.bring(model_of(source))
    assert (disk.root / BASE).read_bytes() == b""


def test_a_file_that_somebody_changed_by_hand_is_not_ours_any_more(disk: Disk, source: Flaky, transfer: Transfer) -> None:
    transfer.bring(model_of(source))
    (disk.root / BASE).write_bytes(b"my own")
    assert [model.ours for model in Tier(disk.root).models()] == [False]


def test_a_page_of_the_book_that_cannot_be_read_makes_a_model_nobodys(disk: Disk, source: Flaky, transfer: Transfer) -> None:
    transfer.bring(model_of(source))
    for page in (b"{", b"[]"):
        (disk.root / ".about" / f"{BASE}.json").write_bytes(page)
        assert [model.ours for model in disk.tier.models()] == [False]
