"""The GPU of a machine in a rehearsal: a library that answers as NVIDIA's does, from a file that the test writes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.image.lab.machine import Machine

SOURCE = Path(__file__).resolve().parent.parent / "nvml" / "stand_in.c"
LIBRARY = "libnvidia-ml.so.1"
#: Where NVIDIA's own would be on a Debian.
PLACE = f"/usr/lib/x86_64-linux-gnu/{LIBRARY}"
#: On the disk, so that a test writes it from outside.
STATE = "/var/lib/gpu-stand-in"
MIB = 24_564


def build(folder: Path) -> Path:
    """Compiles the library; its file."""
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / LIBRARY
    flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", f"-Wl,-soname,{LIBRARY}"]
    done = subprocess.run(
        ["gcc", *flags, "-o", str(library), str(SOURCE)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"the stand-in for NVML cannot be compiled: {done.stderr}"
    return library


def set_load(machine: Machine, *percent: int, used_mib: int = 1000) -> None:
    """From now on each GPU is so busy."""
    machine.write(STATE, "".join(f"gpu {busy} {used_mib} {MIB}\n" for busy in percent))


def lose(machine: Machine) -> None:
    """From now on the driver says that its GPU is gone."""
    machine.write(STATE, "error 15\n")
