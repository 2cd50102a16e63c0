"""Several Kritas of one user at the same time: each holds the lock of a file of its own for as long as it runs.

The system lets go of the lock when the process ends, however it ends. QLockFile asks for the number of the process instead, and
in a container (Flatpak) every Krita has the same one: what a crash left would count as a living one's.
"""

from __future__ import annotations

import sys
import threading
import time
import uuid
from pathlib import Path
from typing import BinaryIO

#: Files that a crash left are removed after a day, in seconds: never one that is just being made.
_LEFTOVER_SECONDS = 86_400.0


class Run:
    """This Krita. Thread-safe. `name`: its own, never used again."""

    def __init__(self, folder: Path) -> None:
        """`folder`: where the Kritas of this user have their files."""
        self.name = uuid.uuid4().hex
        self._folder = folder
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None

    def begin(self) -> None:
        """From now on others know that it runs. Raises OSError."""
        with self._lock:
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file = self._path(self.name).open("a+b")
                _take(self._file)

    def lives(self, name: str) -> bool:
        """Whether that one is running now."""
        if name == self.name:
            return True
        path = self._path(name)
        try:
            with path.open("r+b") as file:
                free = _take(file)
        except FileNotFoundError:
            return False
        if free and time.time() - path.stat().st_mtime > _LEFTOVER_SECONDS:
            path.unlink(missing_ok=True)
        return not free

    def end(self) -> None:
        """It runs no more."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
                self._path(self.name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.lock"


def _take(file: BinaryIO) -> bool:
    """Whether the lock could be had; closing the file gives it back. Where the disk knows no locks everything can be had."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True
