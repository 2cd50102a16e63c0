"""Which disks there are now, and what is on them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

from cloud_image.errors import MachineError

from .plan import Disk

#: Runs a command: its exit status and its output. Raises MachineError when it cannot be run, or hangs.
Run = Callable[[Sequence[str]], tuple[int, str]]

_COLUMNS = "PATH,TYPE,SIZE,MODEL,SERIAL,MOUNTPOINTS"
#: What blkid ends with when it looked and found nothing.
_NOTHING_FOUND = 2
_DEADLINE = 60.0


def run(command: Sequence[str]) -> tuple[int, str]:
    """Runs a command for real."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_DEADLINE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MachineError(f"`{' '.join(command)}` cannot be run, so the disks are left alone: {error}") from error
    return done.returncode, done.stdout


def look(run: Run) -> list[Disk]:
    """All whole disks. Each is read itself, since what udev knows of it may be of before. Raises MachineError."""
    status, listed = run(["lsblk", "--json", "--bytes", "--output", _COLUMNS])
    if status != 0:
        raise MachineError(f"lsblk does not list the disks, so they are left alone: {listed.strip()}")
    try:
        devices = [device for device in json.loads(listed)["blockdevices"] if device["type"] == "disk"]
        return [_disk(device, run) for device in devices]
    except (ValueError, KeyError, TypeError) as flaw:
        raise MachineError(f"lsblk says something unexpected, so the disks are left alone: {flaw!r}") from flaw


def _disk(device: dict[str, Any], run: Run) -> Disk:
    path = str(device["path"])
    parts = device.get("children") or []
    mounted = [place for one in [device, *parts] for place in one.get("mountpoints") or [] if place]
    status, found = run(["blkid", "--probe", "--output", "export", path])
    known = dict(line.split("=", 1) for line in found.splitlines() if "=" in line)
    return Disk(
        path=path,
        size=int(device["size"]),
        model=(device.get("model") or "").strip(),
        serial=(device.get("serial") or "").strip(),
        label=known.get("LABEL", "") if status == 0 else "",
        blank=status == _NOTHING_FOUND and not found.strip() and not parts,
        used=bool(mounted),
    )
