"""A blob on its way to disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from pathlib import Path


class Incoming:
    """A temporary file that becomes a blob, or nothing.

    Its verbs run in threads. One that was cancelled by its caller still runs to its end there, so `discard` waits for it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hash = hashlib.sha256()
        self._file: int | None = None
        self._path: Path | None = None
        self._busy = threading.Lock()
        self._done = False
        self._settled = False
        self.size = 0

    @property
    def sha256(self) -> str:
        """Checksum of what was written so far."""
        return self._hash.hexdigest()

    @property
    def settled(self) -> bool:
        """Whether all that was written survives a power cut."""
        return self._settled

    def write(self, piece: bytes) -> None:
        """Appends bytes. Raises OSError."""
        with self._busy:
            if self._done:
                return
            if self._file is None:
                self._file, path = tempfile.mkstemp(dir=self._folder)
                self._path = Path(path)
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            self._settled = False
            self._hash.update(piece)
            self.size += len(piece)

    def settle(self) -> None:
        """All that was written survives a power cut; `keep` need not wait for that any more. Raises OSError."""
        with self._busy:
            if not self._done:
                self._sync()

    def keep(self, path: Path) -> None:
        """Makes it the blob at `path`, whose folder exists, and closes it. Once this returns it survives a power cut.

        Raises OSError; then it is still to be discarded.
        """
        with self._busy:
            if self._done or self._file is None or self._path is None:
                return
            self._sync()
            self._path.rename(path)
            self._path = None
            sync_folder(path.parent)
            self._done = True
            self._close()

    def _sync(self) -> None:
        if self._file is not None and not self._settled:
            os.fsync(self._file)
            self._settled = True

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def discard(self) -> None:
        """Closes, and removes what was not kept; safe to repeat."""
        with self._busy:
            self._done = True
            self._close()
            if self._path is not None:
                self._path.unlink(missing_ok=True)
                self._path = None


def sync_folder(folder: Path) -> None:
    """Makes renames and new names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
