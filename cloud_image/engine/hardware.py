"""What machine this is, as far as the engine's start depends on it. No driver is asked: that could hang."""

from __future__ import annotations

import re
from pathlib import Path

from cloud_image.paths import Paths

from .flags import Hardware

#: PCI's number of NVIDIA, and the class of display controllers.
_NVIDIA, _DISPLAY = "0x10de", "0x03"


def hardware(paths: Paths) -> Hardware:
    """Read from /proc and /sys. Raises OSError when they are not there, ValueError when they say nothing."""
    meminfo = (paths.root / "proc/meminfo").read_text(encoding="ascii")
    total = re.search(r"^MemTotal:\s+(\d+) kB$", meminfo, re.MULTILINE)
    if total is None:
        raise ValueError("/proc/meminfo does not say how much memory this machine has")
    return Hardware(
        memory=int(total[1]) * 1024,
        gpu=any(_is_gpu(device) for device in (paths.root / "sys/bus/pci/devices").glob("*")),
        fast_disk=paths.fast_models.is_mount(),
    )


def _is_gpu(device: Path) -> bool:
    vendor = (device / "vendor").read_text(encoding="ascii").strip()
    return vendor == _NVIDIA and (device / "class").read_text(encoding="ascii").startswith(_DISPLAY)
