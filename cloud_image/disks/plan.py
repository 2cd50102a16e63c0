"""What to do with a machine's disks: pure. A disk that holds anything that is not ours is left alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

#: Labels of our filesystems.
MODELS_LABEL, FAST_LABEL = "wb-models", "wb-fast"
#: What NVMe disks of EC2 call themselves: volumes, and disks that are part of the host and empty after every stop.
#: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/nvme-ebs-volumes.html
VOLUME, INSTANCE_STORE = "Amazon Elastic Block Store", "Amazon EC2 NVMe Instance Storage"
#: Where the launch template attaches the models' disk, on machines whose disks are not NVMe.
_OLDER_NAMES = frozenset({"/dev/xvdf", "/dev/sdf"})


@dataclass(frozen=True, slots=True)
class Disk:
    """A whole disk. `blank`: neither filesystem nor partitions nor anything else known on it; `used`: it or a part of it is
    mounted. Size in bytes."""

    path: str
    size: int
    model: str = ""
    serial: str = ""
    label: str = ""
    blank: bool = False
    used: bool = False


class Purpose(StrEnum):
    """What a disk of ours is for."""

    MODELS = "models"
    FAST = "fast"


@dataclass(frozen=True, slots=True)
class Use:
    """Mount `disk` for a purpose, at `target`; before that give it a filesystem of its own if `fresh`."""

    disk: Disk
    purpose: Purpose
    target: Path
    fresh: bool

    @property
    def label(self) -> str:
        """The filesystem's label."""
        return MODELS_LABEL if self.purpose is Purpose.MODELS else FAST_LABEL


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in order, and sentences about what is left alone though somebody may expect otherwise."""

    uses: tuple[Use, ...]
    remarks: tuple[str, ...]


def plan(disks: Iterable[Disk], models: Path, fast: Path) -> Plan:
    """At most one disk for the models and one fast disk, the largest of its kind."""
    free = [disk for disk in disks if not disk.used]
    uses: list[Use] = []
    remarks: list[str] = []

    known = [disk for disk in free if disk.label == MODELS_LABEL]
    blank = [disk for disk in free if disk.blank and (disk.model == VOLUME or disk.path in _OLDER_NAMES)]
    if known:
        uses.append(Use(_largest(known), Purpose.MODELS, models, fresh=False))
        if len(known) > 1:
            remarks.append(f"{len(known)} disks are labelled {MODELS_LABEL}; the largest is used: {_largest(known).path}.")
    elif len(blank) == 1:
        uses.append(Use(blank[0], Purpose.MODELS, models, fresh=True))
    elif blank:
        names = ", ".join(disk.path for disk in blank)
        remarks.append(
            f"{names} are all empty, and nothing says which is for the models; they are on the root disk. "
            f"Label one: mkfs.ext4 -L {MODELS_LABEL} {blank[0].path}"
        )

    stores = [disk for disk in free if disk.model == INSTANCE_STORE and (disk.blank or disk.label == FAST_LABEL)]
    if stores:
        uses.append(Use(_largest(stores), Purpose.FAST, fast, fresh=True))
    return Plan(tuple(uses), tuple(remarks))


def _largest(disks: Iterable[Disk]) -> Disk:
    return max(disks, key=lambda disk: (disk.size, disk.path))
