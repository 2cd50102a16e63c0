"""Which disk is used for what: a disk that holds anything that is not ours is never touched."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from cloud_image.disks.plan import FAST_LABEL, MODELS_LABEL, Disk, Plan, Purpose, plan

MODELS, FAST = Path("/models"), Path("/fast")
ROOT = Disk("/dev/nvme0n1", 40 << 30, "Amazon Elastic Block Store", "vol0aaa", used=True)
VOLUME = Disk("/dev/nvme1n1", 80 << 30, "Amazon Elastic Block Store", "vol0bbb", label=MODELS_LABEL)
BLANK = replace(VOLUME, label="", blank=True)
STORE = Disk("/dev/nvme2n1", 250 << 30, "Amazon EC2 NVMe Instance Storage", "AWS123", blank=True)
FOREIGN = Disk("/dev/nvme3n1", 500 << 30, "Amazon Elastic Block Store", "vol0ccc", label="backup")


def planned(*disks: Disk) -> Plan:
    return plan(disks, MODELS, FAST)


def uses(found: Plan) -> list[tuple[str, Purpose, bool]]:
    return [(use.disk.path, use.purpose, use.fresh) for use in found.uses]


def test_without_other_disks_everything_is_on_the_root_disk() -> None:
    assert planned(ROOT) == Plan((), ())


def test_the_disk_with_the_models_is_mounted_as_it_is() -> None:
    found = planned(ROOT, VOLUME)
    assert uses(found) == [(VOLUME.path, Purpose.MODELS, False)]
    assert (found.uses[0].target, found.uses[0].label) == (MODELS, MODELS_LABEL)


def test_the_only_empty_volume_is_for_the_models() -> None:
    assert uses(planned(ROOT, BLANK)) == [(BLANK.path, Purpose.MODELS, True)]


def test_an_empty_volume_is_left_alone_when_the_models_have_one() -> None:
    assert uses(planned(ROOT, VOLUME, replace(BLANK, path="/dev/nvme4n1"))) == [(VOLUME.path, Purpose.MODELS, False)]


def test_of_several_empty_volumes_none_is_taken_and_a_person_is_asked() -> None:
    found = planned(ROOT, BLANK, replace(BLANK, path="/dev/nvme4n1"))
    assert found.uses == ()
    assert "mkfs.ext4 -L wb-models /dev/nvme1n1" in found.remarks[0]


def test_of_several_disks_with_models_the_largest_is_used_and_that_is_said() -> None:
    larger = replace(VOLUME, path="/dev/nvme4n1", size=VOLUME.size * 2)
    found = planned(VOLUME, larger)
    assert uses(found) == [(larger.path, Purpose.MODELS, False)] and larger.path in found.remarks[0]


def test_older_machines_name_the_disk_by_its_place() -> None:
    older = Disk("/dev/xvdf", 80 << 30, blank=True)
    assert uses(planned(older)) == [("/dev/xvdf", Purpose.MODELS, True)]
    assert uses(planned(replace(older, path="/dev/sdb"))) == [], "an empty disk of somebody's workstation"


def test_the_largest_disk_of_the_host_is_the_fast_one_and_is_emptied() -> None:
    larger = replace(STORE, path="/dev/nvme5n1", size=STORE.size * 2, blank=False, label=FAST_LABEL)
    assert uses(planned(ROOT, STORE, larger)) == [(larger.path, Purpose.FAST, True)]


def test_a_disk_of_the_host_with_a_filesystem_of_somebody_else_is_left_alone() -> None:
    assert planned(replace(STORE, blank=False, label="scratch")).uses == ()
    assert planned(replace(STORE, blank=False)).uses == ()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_disk_that_is_used_or_holds_anything_gets_a_new_filesystem(count: int) -> None:
    everything = [ROOT, VOLUME, BLANK, STORE, FOREIGN, replace(BLANK, path="/dev/sdf", model=""), replace(STORE, used=True)]
    everything += [replace(FOREIGN, label=""), replace(BLANK, used=True), replace(VOLUME, used=True)]
    for disks in itertools.permutations(everything, count):
        for use in planned(*disks).uses:
            assert not use.disk.used
            assert not use.fresh or use.disk.blank or (use.disk.label == FAST_LABEL and use.purpose is Purpose.FAST)
            assert use.fresh or use.disk.label == MODELS_LABEL
