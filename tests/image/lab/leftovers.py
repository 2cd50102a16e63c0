"""What a run leaves on this computer if it is killed, written down so that the next one takes it away: its own things only."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import psutil

#: Every control group of ours begins so.
PREFIX = "wakebrush-lab-"


class Leftovers:
    """The folder of one run. `processes.json` names the containers' outer processes with the moments they were started at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "processes.json"
        self._lock: IO[str] | None = None
        self._groups: dict[str, list[Path]] = {}

    def begin(self) -> None:
        """Claims the folder, and removes from it what an earlier run left. Raises BlockingIOError when one lives."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder.parent / f"{self.folder.name}.lock").open("w", encoding="utf-8")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.clean()
        self.folder.mkdir(parents=True, exist_ok=True)

    def end(self) -> None:
        """Removes everything and lets go of the folder."""
        self.clean()
        if self._lock is not None:
            self._lock.close()

    def note_process(self, name: str, pid: int) -> None:
        """A container runs."""
        self._write(self._read() | {name: {"pid": pid, "began": psutil.Process(pid).create_time()}})

    def forget_process(self, name: str) -> None:
        """It has ended."""
        self._write({other: noted for other, noted in self._read().items() if other != name})

    def groups(self, name: str, hierarchies: Sequence[Path]) -> list[Path]:
        """A control group for a container in each hierarchy that there is."""
        made = [hierarchy / f"{PREFIX}{name}" for hierarchy in hierarchies if hierarchy.is_dir()]
        for group in made:
            group.mkdir(exist_ok=True)
        self._groups[name] = made
        return made

    def remove_groups(self, name: str) -> None:
        """The container's control groups, empty by now."""
        for group in self._groups.pop(name, []):
            remove_group(group)

    def clean(self) -> None:
        """Ends containers, unmounts and deletes all that is in the folder."""
        for name, noted in self._read().items():
            _end_container(int(noted["pid"]), float(noted["began"]))
            for hierarchy in Path("/sys/fs/cgroup").glob(f"*/{PREFIX}{name}"):
                remove_group(hierarchy)
        for mount in reversed(mounts_below(self.folder)):
            subprocess.run(["umount", str(mount)], check=True, timeout=30)
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            read: dict[str, dict[str, float]] = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return read

    def _write(self, noted: dict[str, dict[str, float]]) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(noted), encoding="utf-8")
        fresh.replace(self._file)


def mounts_below(folder: Path) -> list[Path]:
    """What is mounted in a folder, in the order in which it was mounted."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    places = [Path(line.split()[4].replace("\\040", " ")) for line in lines]
    return [place for place in places if place.is_relative_to(folder)]


def remove_group(group: Path, seconds: float = 5.0) -> None:
    """A control group with all below it; what was in there has ended, but the kernel may need a moment to notice."""
    deadline = time.monotonic() + seconds
    while group.exists():
        try:
            for path in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
                path.rmdir()
            group.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _end_container(pid: int, began: float) -> None:
    """Ends systemd-nspawn and what is in its container, if the process with that number is still that one."""
    try:
        outer = psutil.Process(pid)
        if abs(outer.create_time() - began) > 1:
            return
        inside = outer.children(recursive=True)
    except psutil.NoSuchProcess:
        return
    for process in (*inside, outer):
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    psutil.wait_procs([*inside, outer], timeout=10)
