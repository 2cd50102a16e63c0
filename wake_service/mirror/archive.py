"""A copy as one file: what the build of an image exports, and a pool that never woke begins with."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from .model import Copy, Entry, is_sha256, read_copy
from .shelf import INDEX, Shelf

#: The largest copy and the largest file of one that are taken in, in bytes, and the most files; a real one has about 2,000.
MOST_BYTES, MOST_FILE_BYTES, MOST_FILES = 1024 * 1024 * 1024, 64 * 1024 * 1024, 40_000
_FILES = "files/"


def export_archive(copy: Copy, shelf: Shelf, path: Path) -> None:
    """Writes a copy to one file (tar, gzip). Raises OSError."""
    with tarfile.open(path, "w:gz", compresslevel=6) as archive:
        _add(archive, INDEX, copy.to_json())
        for sha256 in sorted({entry.sha256 for entry in copy.entries.values()}):
            _add(archive, _FILES + sha256, shelf.read(sha256))


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o600
    archive.addfile(member, io.BytesIO(data))


def import_archive(path: Path, shelf: Shelf) -> Copy:
    """Puts a copy's files on the shelf; the copy, which is to be committed. Raises ValueError for what is no such file, OSError.

    Nothing in the file says where anything is written: its files are named by their checksums, which are compared.
    """
    try:
        with gzip.open(path) as unpacked, tarfile.open(fileobj=cast(BinaryIO, _Bounded(unpacked)), mode="r:") as archive:
            members = _members(archive)
            name, data = next(members, ("", b""))
            if name != INDEX:
                raise ValueError(f"{path} does not begin with {INDEX}")
            copy = read_copy(data)
            return _taken_in(copy, members, shelf)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is no copy of an engine's answers: {error}") from error


def _taken_in(copy: Copy, members: Iterator[tuple[str, bytes]], shelf: Shelf) -> Copy:
    wanted: dict[str, dict[str, Entry]] = {}
    for at, entry in copy.entries.items():
        if not at.startswith("/"):
            raise ValueError(f"it holds an answer of one artist ({at})")
        wanted.setdefault(entry.sha256, {})[at] = entry
    entries: dict[str, Entry] = {}
    for name, data in members:
        sha256 = name.removeprefix(_FILES)
        if not is_sha256(sha256) or hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError(f"its file {name!r} is not what its name says")
        entries |= {at: shelf.put(data, entry) for at, entry in wanted.pop(sha256, {}).items()}
    if wanted:
        raise ValueError(f"{len(wanted)} of its files are missing")
    return Copy(copy.key, copy.as_of, entries)


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for count, member in enumerate(archive):
        if count >= MOST_FILES or not member.isreg() or member.size > MOST_FILE_BYTES:
            raise ValueError(f"its part {member.name!r} is none of a copy's")
        file = archive.extractfile(member)
        assert file is not None  # a regular file has bytes
        yield member.name, file.read()


class _Bounded:
    """Lets so much be read and no more, whatever sizes are written in the file."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > MOST_FILE_BYTES:
            raise ValueError("one of its parts is too large")
        return self._checked(self._file.read(size))

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence != 0 or offset > MOST_BYTES:
            raise ValueError("it is too large")
        return self._file.seek(offset)

    def tell(self) -> int:
        return self._file.tell()

    def _checked(self, data: bytes) -> bytes:
        if self._file.tell() > MOST_BYTES:
            raise ValueError("it is too large")
        return data
