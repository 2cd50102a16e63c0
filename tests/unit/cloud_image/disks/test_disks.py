"""Looking at disks and mounting them, with programs that a test answers for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cloud_image.disks import cli
from cloud_image.disks.look import look, run
from cloud_image.disks.plan import Disk, Purpose, Use
from cloud_image.errors import MachineError
from cloud_image.paths import Paths


def device(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "type": "disk", "size": 80 << 30, "model": None, "serial": None, "mountpoints": [None]} | more


ROOT = device(
    "/dev/nvme0n1",
    model="Amazon Elastic Block Store              ",
    children=[device("/dev/nvme0n1p1", type="part", mountpoints=["/"])],
)
VOLUME = device("/dev/nvme1n1", model="Amazon Elastic Block Store              ", serial="vol0bbb")


@dataclass
class Programs:
    """lsblk and blkid see `devices` and `contents`; everything else is written down, and fails if it is in `broken`."""

    devices: list[dict[str, Any]] = field(default_factory=list)
    contents: dict[str, tuple[int, str]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        if command[0] == "lsblk":
            return 0, json.dumps({"blockdevices": self.devices})
        if command[0] == "blkid":
            return self.contents.get(command[-1], (2, ""))
        self.done.append(" ".join(command))
        return (1, "it is broken") if command[0] in self.broken else (0, "")


def test_a_disk_whose_part_is_mounted_is_in_use_and_not_empty() -> None:
    programs = Programs([ROOT], {"/dev/nvme0n1": (0, "PTTYPE=gpt\n")})
    assert look(programs.run) == [Disk("/dev/nvme0n1", 80 << 30, "Amazon Elastic Block Store", used=True)]


def test_a_disk_on_which_nothing_is_found_is_empty() -> None:
    (disk,) = look(Programs([VOLUME]).run)
    assert disk == Disk("/dev/nvme1n1", 80 << 30, "Amazon Elastic Block Store", "vol0bbb", blank=True)


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ((0, "LABEL=wb-models\nTYPE=ext4\n"), "wb-models"),
        ((8, ""), ""),
        ((4, "error"), ""),
        ((2, "blkid: error: cannot open"), ""),
    ],
)
def test_a_disk_that_holds_anything_or_cannot_be_read_is_not_empty(answer: tuple[int, str], label: str) -> None:
    (disk,) = look(Programs([VOLUME], {"/dev/nvme1n1": answer}).run)
    assert (disk.blank, disk.label) == (False, label)


def test_a_disk_with_parts_is_not_empty_whatever_blkid_says() -> None:
    (disk,) = look(Programs([device("/dev/sdf", children=[device("/dev/sdf1", type="part")])]).run)
    assert not disk.blank and not disk.used


def test_only_whole_disks_count() -> None:
    assert look(Programs([device("/dev/loop0", type="loop"), device("/dev/sr0", type="rom")]).run) == []


@pytest.mark.parametrize("answer", [(1, "no /sys"), (0, ""), (0, "{}"), (0, '{"blockdevices": [3]}')])
def test_a_list_that_cannot_be_read_leaves_the_disks_alone(answer: tuple[int, str]) -> None:
    with pytest.raises(MachineError, match="left alone"):
        look(lambda _: answer)


def test_programs_that_are_missing_are_a_sentence() -> None:
    assert run(["sh", "-c", "echo out; echo err >&2; exit 3"]) == (3, "out\nerr\n")
    with pytest.raises(MachineError, match="cannot be run"):
        run(["/missing/program"])


def test_the_real_programs_can_be_asked() -> None:
    """What this machine's disks are does not matter; that lsblk and blkid take these arguments does."""
    assert isinstance(look(run), list)


def use(purpose: Purpose = Purpose.MODELS, *, fresh: bool) -> Use:
    return Use(Disk("/dev/nvme1n1", 1), purpose, Path("/models"), fresh)


def test_a_disk_with_models_is_mounted_and_never_given_a_filesystem() -> None:
    programs = Programs()
    cli.mount(use(fresh=False), programs.run)
    assert programs.done == ["mount -t ext4 -o nodev,nosuid /dev/nvme1n1 /models"]


def test_the_copy_of_a_smaller_disk_is_used_to_its_end() -> None:
    programs = Programs()
    cli.grow(use(fresh=False), programs.run)
    assert programs.done == ["resize2fs /dev/nvme1n1"]
    programs.broken.add("resize2fs")
    with pytest.raises(MachineError, match="used, but not to its end"):
        cli.grow(use(fresh=False), programs.run)


def test_an_empty_disk_gets_a_filesystem_with_our_label() -> None:
    programs = Programs()
    cli.mount(use(fresh=True), programs.run)
    assert programs.done[0].startswith("mkfs.ext4 ") and "-L wb-models" in programs.done[0]


def test_the_real_programs_make_a_filesystem_that_is_ours_and_does_not_get_another(tmp_path: Path) -> None:
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    disk = Disk(str(image), 64 << 20, blank=True)

    def without_mounting(command: Sequence[str]) -> tuple[int, str]:
        return (0, "") if command[0] == "mount" else run(command)

    cli.mount(Use(disk, Purpose.MODELS, tmp_path, fresh=True), without_mounting)

    def listing(command: Sequence[str]) -> tuple[int, str]:
        return (0, json.dumps({"blockdevices": [device(str(image))]})) if command[0] == "lsblk" else run(command)

    (found,) = look(listing)
    assert (found.label, found.blank) == ("wb-models", False)


@pytest.mark.parametrize("program", ["mkfs.ext4", "mount"])
def test_a_disk_that_cannot_be_used_says_where_the_models_are(program: str) -> None:
    programs = Programs(broken={program})
    with pytest.raises(MachineError, match=r"the models are on the root disk .*it is broken"):
        cli.mount(use(fresh=True), programs.run)
    assert programs.done[-1].startswith(program)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_disk_that_was_there_last_time_is_waited_for(tmp_path: Path) -> None:
    paths, clock, programs = Paths(tmp_path), Clock(), Programs([ROOT])
    paths.models_disk.parent.mkdir(parents=True)
    paths.models_disk.write_text("vol0bbb", encoding="utf-8")

    def appears(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now > 3:
            programs.devices = [ROOT, VOLUME]

    found = cli.wait_for(paths, programs.run, lambda: clock.now, appears)
    assert [use.disk.serial for use in found.uses] == ["vol0bbb"] and clock.now < 4


@pytest.mark.parametrize(
    ("known", "root", "seconds"),
    [
        ("vol0bbb", ROOT, cli.EXPECTED_WAIT),
        (None, ROOT, cli.FIRST_WAIT),
        (None, device("/dev/sda", mountpoints=["/"]), 0.0),
        ("none", ROOT, 0.0),
    ],
)
def test_a_disk_that_is_gone_does_not_keep_the_engine_waiting(
    tmp_path: Path, known: str | None, root: dict[str, Any], seconds: float
) -> None:
    paths, clock = Paths(tmp_path), Clock()
    paths.models_disk.parent.mkdir(parents=True)
    if known is not None:
        paths.models_disk.write_text(known, encoding="utf-8")
    found = cli.wait_for(paths, Programs([root]).run, lambda: clock.now, clock.sleep)
    assert found.uses == () and clock.now == pytest.approx(seconds, abs=0.2)
    cli.remember(paths, found)
    before = clock.now
    cli.wait_for(paths, Programs([root]).run, lambda: clock.now, clock.sleep)
    assert clock.now == before, "the next boot does not wait"
