"""The disk is full, or cannot be written. Nothing acknowledged is lost, and work goes on when there is room again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.follower import Follower
from tests.faults.machine import Machine
from tests.faults.small_disk import MIB, SmallDisk, small_disk
from tests.support.artist import Refused
from tests.support.pictures import noise_png
from tests.support.running_service import eventually

Start = Callable[..., Follower]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """24 MiB for a service named `full` and its machine."""
    with small_disk(tmp_path / "full", 24 * MIB) as disk:
        yield disk


@pytest.fixture
def her(disk: SmallDisk, start: Start, tmp_path: Path) -> Follower:
    """An artist whose service lives on the small disk and keeps 1 MiB free. The engine's files lie elsewhere."""
    (tmp_path / "engine").mkdir()
    (disk.folder / "engine").symlink_to(tmp_path / "engine")
    return start(name="full", min_free_bytes=MIB)


def test_a_full_disk_refuses_uploads_with_a_sentence_and_takes_them_once_there_is_room(her: Follower, disk: SmallDisk) -> None:
    disk.fill(leave=MIB)
    with pytest.raises(Refused) as refused:
        her.artist.upload(noise_png(1))
    assert (refused.value.status, refused.value.code) == (507, "storage_full")
    assert "disk is full" in refused.value.title
    assert refused.value.hint
    ready = her.artist.ask("GET", "/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "storage_full")
    disk.make_room()
    image = her.artist.upload(noise_png(1))
    job = her.artist.generate(mode="image_to_image", image=image, strength=0.5)
    her.until_finished(job)
    her.assert_delivered_once(job)


def test_a_disk_without_a_byte_left_refuses_pictures_and_loses_none_that_were_accepted(her: Follower, disk: SmallDisk) -> None:
    accepted = her.artist.generate()
    her.until_step(accepted, 3)
    disk.fill()
    with pytest.raises(Refused) as refused:
        her.artist.generate("one too many", key="refused")
    assert (refused.value.status, refused.value.code) == (507, "storage_full")
    Machine(her.service).has_ended(1)
    disk.make_room()
    her.until_finished(accepted)
    her.assert_delivered_once(accepted)
    again = her.artist.generate("one too many", key="refused")
    her.until_finished(again)
    her.assert_delivered_once(again)
    assert len(her.artist.jobs()) == 2


def test_a_service_killed_on_a_full_disk_starts_again_once_there_is_room(her: Follower, disk: SmallDisk) -> None:
    accepted = her.artist.generate()
    her.until_step(accepted, 3)
    disk.fill()
    her.service.kill()
    disk.make_room()
    her.restart_service()
    her.until_finished(accepted)
    her.assert_delivered_once(accepted)


def test_what_is_there_can_be_looked_at_while_the_disk_is_full(her: Follower, disk: SmallDisk) -> None:
    job = her.artist.generate()
    her.until_finished(job)
    disk.fill()
    her.assert_delivered_once(job)
    assert her.artist.me()["artist"]["id"]
    disk.make_room()


def test_a_machine_falls_asleep_although_the_disk_is_full(her: Follower, disk: SmallDisk) -> None:
    job = her.artist.generate()
    her.until_type("job.succeeded", job=job["id"])
    disk.fill()
    eventually(lambda: not her.service.engines(), 20, "the end of the engine")
    disk.make_room()
    her.assert_delivered_once(job)
