"""A disk that a test can fill: a small tmpfs of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MIB = 1024 * 1024


class SmallDisk:
    """A folder with a disk behind it that holds so many bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, *, leave: int = 0) -> None:
        """Uses all room but `leave` bytes."""
        chunk = b"\0" * 4096
        with self._filler.open("ab", buffering=0) as filler:
            while shutil.disk_usage(self.folder).free > leave:
                try:
                    filler.write(chunk)
                except OSError:
                    return

    def make_room(self) -> None:
        """Gives back what `fill` took."""
        self._filler.unlink()

    def make_read_only(self) -> None:
        """From now on nothing can be written."""
        as_root("mount", "-o", "remount,ro", str(self.folder))


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[SmallDisk]:
    """Mounts it at `folder` until the end of the block. Needs root, or sudo without a password."""
    folder.mkdir()
    as_root("mount", "-t", "tmpfs", "-o", f"size={size},mode=700,uid={os.getuid()}", "wakebrush-test", str(folder))
    try:
        yield SmallDisk(folder)
    finally:
        as_root("umount", "--lazy", str(folder))


def as_root(*command: str) -> None:
    """Runs a command with the rights to mount; a test that may not fails with what was said."""
    prefix = [] if os.getuid() == 0 else ["sudo", "-n"]
    done = subprocess.run([*prefix, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"These tests mount a small disk, which needs root or sudo: {' '.join(command)}: {done.stderr.strip()}")
