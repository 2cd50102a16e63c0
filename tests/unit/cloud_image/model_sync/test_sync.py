"""A whole sync: from a store to a disk, and what is said of it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_image.errors import ModelError
from cloud_image.model_sync.names import about_name
from cloud_image.model_sync.plan import Remote
from cloud_image.model_sync.source import FolderSource, ModelChanged
from cloud_image.model_sync.sync import MostRecentlyUsed
from cloud_image.model_sync.tier import PARTS
from tests.unit.cloud_image.model_sync.world import BASE, LORA, Disk, Flaky, Lines, put, sync

OLD, NEW = "checkpoints/old.safetensors", "checkpoints/new.safetensors"


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    return tmp_path / "mount"


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "disk")


def test_everything_comes_and_a_second_sync_has_nothing_to_do(mount: Path, disk: Disk) -> None:
    put(mount, BASE)
    put(mount, LORA, b"fine")
    first = sync(FolderSource(mount), disk)
    assert (sorted(first.brought), first.troubles) == ([BASE, LORA], [])
    assert disk.names == {BASE, LORA}
    again = sync(FolderSource(mount), disk)
    assert (again.brought, again.evicted) == ([], [])


def test_a_model_that_was_removed_from_the_store_goes(mount: Path, disk: Disk) -> None:
    put(mount, BASE)
    put(mount, LORA)
    sync(FolderSource(mount), disk)
    (mount / LORA).unlink()
    assert sync(FolderSource(mount), disk).evicted == [LORA]
    assert disk.names == {BASE}
    assert (disk.root / LORA).parent.is_dir()


@pytest.mark.parametrize("gone", ["unmounted", "empty"])
def test_a_source_without_a_model_takes_nothing_away(mount: Path, disk: Disk, gone: str) -> None:
    put(mount, BASE)
    sync(FolderSource(mount), disk)
    (mount / BASE).unlink()
    source = FolderSource(mount if gone == "empty" else mount / "nothing")
    with pytest.raises(ModelError, match=r"no models|not there"):
        sync(source, disk)
    assert disk.names == {BASE}


def test_a_new_store_without_models_is_no_trouble(mount: Path, disk: Disk) -> None:
    mount.mkdir()
    (disk.root / "vae").mkdir()
    (disk.root / "vae" / "mine.safetensors").write_bytes(b"x")
    lines = Lines()
    outcome = sync(FolderSource(mount), disk, lines=lines)
    assert outcome.troubles == [] and "no models yet" in lines[0]
    assert disk.names == {"vae/mine.safetensors"}


def test_a_damaged_word_about_a_model_does_not_take_its_copy_away(mount: Path, disk: Disk) -> None:
    put(mount, BASE)
    put(mount, LORA)
    sync(FolderSource(mount), disk)
    for name in (BASE, LORA):
        (mount / about_name(name)).write_text("{")
        outcome = sync(FolderSource(mount), disk)
        assert any(name in sentence for sentence in outcome.troubles)
        assert disk.names == {BASE, LORA}


def test_a_wanted_model_takes_the_room_of_the_least_recently_used(mount: Path, disk: Disk) -> None:
    for name, at in ((OLD, 1.0), (BASE, 2.0)):
        put(mount, name, b"x" * 1000, added_at=at)
    sync(FolderSource(mount), disk)
    disk.use(OLD, 2e9)
    disk.size = 2500
    put(mount, NEW, b"y" * 1000)
    lines = Lines()
    outcome = sync(FolderSource(mount), disk, NEW, since=3e9, lines=lines)
    assert (outcome.brought, outcome.evicted, outcome.left_out) == ([NEW], [BASE], [BASE])
    assert any(BASE in line and "room" in line for line in lines)


def test_a_model_that_is_open_or_was_read_lately_is_never_pushed_out(mount: Path, disk: Disk) -> None:
    for name in (OLD, BASE):
        put(mount, name, b"x" * 1000)
    sync(FolderSource(mount), disk)
    disk.opened = {disk.root / OLD}
    disk.use(BASE, 4e9)
    disk.size = 2500
    put(mount, NEW, b"y" * 1000)
    outcome = sync(FolderSource(mount), disk, NEW, since=3e9)
    assert (outcome.brought, outcome.evicted, outcome.left_out) == ([], [], [NEW])


def test_what_was_only_brought_and_never_read_may_be_pushed_out(mount: Path, disk: Disk) -> None:
    put(mount, OLD, b"x" * 1000)
    sync(FolderSource(mount), disk)
    disk.size = 1500
    put(mount, NEW, b"y" * 1000)
    assert sync(FolderSource(mount), disk, NEW, since=0.0).evicted == [OLD]


def test_what_had_arrived_before_takes_no_room_a_second_time(mount: Path, disk: Disk) -> None:
    put(mount, BASE, b"x" * 1000)
    source = Flaky(FolderSource(mount))
    source.breaks, source.error = [900], ModelError("stop")
    assert sync(source, disk).troubles == ["stop"]
    disk.size = 1000
    assert sync(FolderSource(mount), disk).brought == [BASE]


def test_what_was_begun_of_a_model_without_room_gives_it_back(mount: Path, disk: Disk) -> None:
    put(mount, BASE, b"x" * 1000)
    source = Flaky(FolderSource(mount))
    source.breaks, source.error = [400], ModelError("stop")
    sync(source, disk)
    disk.size = 700
    assert sync(FolderSource(mount), disk).left_out == [BASE]
    assert disk.parts == []


def test_a_model_that_changes_half_way_is_looked_up_again_and_comes(mount: Path, disk: Disk) -> None:
    put(mount, BASE)
    source = Flaky(FolderSource(mount))
    source.breaks, source.error = [1000], ModelChanged(BASE)
    outcome = sync(source, disk)
    assert (outcome.brought, outcome.troubles) == ([BASE], [])


def test_one_that_keeps_changing_is_not_read_for_ever(mount: Path, disk: Disk) -> None:
    put(mount, BASE)
    source = Flaky(FolderSource(mount))
    source.breaks, source.error = [0] * 50, ModelChanged(BASE)
    assert sync(source, disk).brought == []
    assert len(source.starts) < 10


def test_one_that_fails_hinders_none_of_the_others_and_is_tried_once(mount: Path, disk: Disk) -> None:
    put(mount, BASE, sha256="0" * 64)
    put(mount, LORA)
    outcome = sync(Flaky(FolderSource(mount)), disk)
    assert outcome.brought == [LORA]
    (sentence,) = outcome.troubles
    assert BASE in sentence and not outcome.passing


def test_what_failed_is_not_tried_again_because_another_one_changed(mount: Path, disk: Disk) -> None:
    put(mount, BASE, sha256="0" * 64)
    put(mount, LORA)

    class Changing(Flaky):
        def read(self, model: Remote, start: int) -> Iterator[bytes]:
            if model.name == LORA and LORA not in names:
                names.append(LORA)
                raise ModelChanged(LORA)
            names.append(model.name)
            return super().read(model, start)

    names: list[str] = []
    assert sync(Changing(FolderSource(mount)), disk).brought == [LORA]
    assert sorted(names) == [BASE, LORA, LORA]


def test_the_room_of_an_old_version_is_used_once_the_new_one_is_whole(mount: Path, disk: Disk) -> None:
    put(mount, BASE, b"x" * 1000)
    sync(FolderSource(mount), disk)
    disk.size = 2000
    put(mount, BASE, b"y" * 500)
    put(mount, LORA, b"z" * 1200)
    outcome = sync(FolderSource(mount), disk)
    assert (outcome.brought, outcome.left_out) == ([BASE, LORA], [])


def test_two_syncs_do_not_work_on_one_disk(mount: Path, disk: Disk) -> None:
    put(mount, BASE)
    (disk.root / PARTS).mkdir()
    with (disk.root / PARTS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ModelError, match="Another sync") as caught:
            sync(FolderSource(mount), disk)
    assert caught.value.passing
    assert sync(FolderSource(mount), disk).brought == [BASE]


def test_parts_of_what_nobody_brings_any_more_are_cleared_away(mount: Path, disk: Disk) -> None:
    put(mount, BASE)
    (disk.root / PARTS).mkdir()
    (disk.root / PARTS / "0123.part").write_bytes(b"x" * 1000)
    sync(FolderSource(mount), disk)
    assert disk.parts == []


def test_a_wanted_model_that_the_store_lacks_is_said_once(mount: Path, disk: Disk) -> None:
    put(mount, BASE)
    outcome = sync(FolderSource(mount), disk, NEW)
    (sentence,) = outcome.troubles
    assert NEW in sentence and outcome.brought == [BASE]


def test_the_fast_disk_gets_what_was_used_last(mount: Path, disk: Disk, tmp_path: Path) -> None:
    for name in (OLD, BASE, NEW):
        put(mount, name, b"x" * 1000)
    sync(FolderSource(mount), disk)
    disk.use(OLD, 4e9)
    disk.use(BASE, 3e9)
    fast = Disk(tmp_path / "fast", size=2500)
    outcome = sync(MostRecentlyUsed(FolderSource(disk.root), disk.tier), fast)
    assert fast.names == {OLD, BASE}
    assert (outcome.left_out, outcome.troubles) == ([NEW], [])


def test_reading_a_model_for_another_disk_is_no_use_of_it(mount: Path, disk: Disk, tmp_path: Path) -> None:
    put(mount, BASE)
    sync(FolderSource(mount), disk)
    assert sync(MostRecentlyUsed(FolderSource(disk.root), disk.tier), Disk(tmp_path / "fast")).brought == [BASE]
    assert disk.tier.in_use(0.0) == set()
