"""What an engine prints: kept in two bounded files, and read line by line on the way."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_LINE_END = re.compile(rb"[\r\n]+")
_LONGEST_LINE = 8192
_LAST_WORDS = 200


class EngineLog:
    """`path` and, for what came before, `path.1`: together at most twice `max_bytes`. Readable by this user only."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._rest = b""
        self._handle = self._open()
        self._size = os.fstat(self._handle).st_size
        self.last_words = ""

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Keeps a chunk and gives the lines that it completes. A progress bar's carriage return ends a line too."""
        self._keep(chunk)
        *lines, rest = _LINE_END.split(self._rest + chunk)
        self._rest = rest[-_LONGEST_LINE:]
        for line in lines:
            text = line.decode(errors="replace").strip()
            if text:
                self.last_words = text[:_LAST_WORDS]
                yield text

    def close(self) -> None:
        """Closes the file."""
        os.close(self._handle)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _keep(self, chunk: bytes) -> None:
        try:
            if self._size + len(chunk) > self._max_bytes:
                self._path.replace(f"{self._path}.1")
                os.close(self._handle)
                self._handle = self._open()
                self._size = 0
            self._size += os.write(self._handle, chunk)
        except OSError as error:
            # A full disk costs lines of a log, never a picture: the engine must not stall on a pipe that nobody empties.
            self.last_words = f"(the log cannot be written: {error.strerror})"
