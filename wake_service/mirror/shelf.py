"""The copies of one pool on disk: files named by their checksum, and one index that is replaced as a whole."""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import secrets
from dataclasses import replace
from pathlib import Path

from .model import Copy, Entry, is_text, read_copy

log = logging.getLogger(__name__)

INDEX = "index.json"
_PACKED = ".gz"
#: Smaller answers are not worth packing, in bytes.
_PACK_FROM = 1024


class Shelf:
    """One folder, used by one service. All calls block; they raise OSError when the disk does not do as told."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = folder / "files"
        self._unsynced: set[Path] = set()

    def load(self) -> Copy | None:
        """The copy as it was kept last, without what was not; None where there is none, or none that can be read."""
        try:
            copy = read_copy((self._folder / INDEX).read_bytes())
        except FileNotFoundError:
            copy = None
        except ValueError as error:
            log.warning("The copy of the engine's answers in %s is read anew at the next wake: %s", self._folder, error)
            copy = None
        self.sweep(copy or Copy())
        if copy is None:
            return None
        there = {path: entry for path, entry in copy.entries.items() if self._path(entry.sha256).is_file()}
        return replace(copy, entries=there)

    def put(self, data: bytes, entry: Entry) -> Entry:
        """Keeps the bytes of an answer, and a packed copy of text; the entry as it is then. They are safe once `commit` is."""
        sha256 = hashlib.sha256(data).hexdigest()
        self._write(self._path(sha256), data)
        packed = None
        if len(data) >= _PACK_FROM and is_text(entry.media_type):
            smaller = self._pack(sha256, data)
            packed = smaller if smaller < len(data) else None
        return replace(entry, sha256=sha256, size=len(data), packed=packed)

    def read(self, sha256: str, *, packed: bool = False) -> bytes:
        """The bytes of an answer."""
        return self._path(sha256, packed=packed).read_bytes()

    def commit(self, copy: Copy) -> None:
        """Makes this the pool's copy: after a power cut it is either there with all its files, or the one before is."""
        self._files.mkdir(mode=0o700, parents=True, exist_ok=True)
        while self._unsynced:
            path = self._unsynced.pop()
            if path.exists():
                _sync(path)
        _sync(self._files)
        draft = self._folder / f".{INDEX}.{secrets.token_hex(4)}"
        _write_synced(draft, copy.to_json())
        draft.replace(self._folder / INDEX)
        _sync(self._folder)

    def sweep(self, copy: Copy) -> None:
        """Removes the files that it does not name. Not to be called while another copy is being read."""
        named = {entry.sha256 for entry in copy.entries.values()}
        for path in self._files.iterdir() if self._files.is_dir() else ():
            if path.name.removesuffix(_PACKED) not in named:
                path.unlink(missing_ok=True)

    def _pack(self, sha256: str, data: bytes) -> int:
        path = self._path(sha256, packed=True)
        if path.is_file():
            return path.stat().st_size
        packed = gzip.compress(data, compresslevel=6, mtime=0)
        self._write(path, packed)
        return len(packed)

    def _write(self, path: Path, data: bytes) -> None:
        """Synced by `commit`, so that reading a copy does not wait for the disk a thousand times."""
        if path.is_file():
            return
        self._files.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        draft.write_bytes(data)
        draft.replace(path)
        self._unsynced.add(path)

    def _path(self, sha256: str, *, packed: bool = False) -> Path:
        return self._files / (sha256 + (_PACKED if packed else ""))


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
