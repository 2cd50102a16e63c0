"""What a run leaves on this computer if it is killed, written down so that the next one takes it away: its own things only."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

#: Every control group of ours begins so.
PREFIX = "wakebrush-lab-"
_ROOT = Path("/sys/fs/cgroup")
#: How long the kernel may need to notice that what was killed is gone.
_GONE_SECONDS = 10.0


class Leftovers:
    """The folder of one run. `containers.json` names the containers that may be there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "containers.json"
        self._lock: IO[str] | None = None

    def begin(self) -> None:
        """Claims the folder, and removes what an earlier run left. Raises BlockingIOError when that one still runs."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = (self.folder.parent / f"{self.folder.name}.lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            lock.close()
            raise BlockingIOError(f"Another run of these tests works in {self.folder}; wait for its end.") from taken
        self._lock = lock
        self.clean()
        self.folder.mkdir()

    def end(self) -> None:
        """Removes everything and lets go of the folder."""
        self.clean()
        if self._lock is not None:
            self._lock.close()

    def enter(self, name: str) -> list[Path]:
        """The control groups for a container, one in each hierarchy in which systemd looks for itself."""
        self._write([*self._read(), name])
        groups = _groups(name)
        for group in groups:
            group.mkdir(exist_ok=True)
        return groups

    def kill(self, name: str) -> None:
        """Kills everything in the container, and what holds it."""
        for group in _groups(name):
            kill_group(group)

    def leave(self, name: str) -> None:
        """The container has ended: whatever it left ends too."""
        for group in _groups(name):
            remove_group(group)
        self._write([other for other in self._read() if other != name])

    def clean(self) -> None:
        """Ends containers, unmounts and deletes all that is in the folder."""
        for name in self._read():
            self.leave(name)
        for mount in reversed(mounts_below(self.folder)):
            subprocess.run(["umount", str(mount)], check=True, timeout=30)
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _read(self) -> list[str]:
        try:
            names: list[str] = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        return names

    def _write(self, names: list[str]) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(names), encoding="utf-8")
        fresh.replace(self._file)


def kill_group(group: Path) -> None:
    """Kills every process in a control group and below."""
    for listed in group.rglob("cgroup.procs"):
        for pid in listed.read_text(encoding="utf-8").split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue


def remove_group(group: Path) -> None:
    """Ends what is in a control group and removes it. Raises OSError when it stays busy."""
    deadline = time.monotonic() + _GONE_SECONDS
    while group.exists():
        try:
            kill_group(group)
            for path in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
                path.rmdir()
            group.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def mounts_below(folder: Path) -> list[Path]:
    """What is mounted in a folder, in the order in which it was mounted."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    places = [Path(line.split()[4].replace("\\040", " ")) for line in lines]
    return [place for place in places if place.is_relative_to(folder)]


def _groups(name: str) -> list[Path]:
    """Control groups of version 1 have a hierarchy for systemd, and often one of version 2 beside it; else all is version 2."""
    hierarchies = [path for path in (_ROOT / "systemd", _ROOT / "unified") if path.is_dir()] or [_ROOT]
    return [hierarchy / f"{PREFIX}{name}" for hierarchy in hierarchies]
