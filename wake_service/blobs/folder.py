"""Blobs as files in 256 folders: `ab/abcd…`, named by their SHA-256."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

from cachetools import LRUCache

from wake_service.blobs.base import (
    CHUNK_BYTES,
    BlobInfo,
    BlobMissing,
    BlobTooLarge,
    ChecksumMismatch,
    Data,
    Ready,
    checked_sha256,
    chunks_of,
)
from wake_service.blobs.incoming import Incoming, sync_folder
from wake_service.errors import BlobCorrupt, StorageError, StorageFull

#: What is written at once.
_PIECE_BYTES = 1024 * 1024
#: How many files' states are remembered as checked.
_REMEMBERED = 4096
#: What changes with every write to a file: its inode, size, and the time of its last change in nanoseconds.
_State: TypeAlias = tuple[int, int, int]
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def free_on_disk(folder: Path) -> int:
    """Bytes that this user may still write where `folder` is."""
    return shutil.disk_usage(folder).free


class FolderBlobs:
    """A BlobStore in a folder of its own, readable by this user only; one service at a time writes to it.

    A blob is written to `incoming/`, synced, renamed and its folder synced: after a power cut there is all of it or nothing.
    `min_free_bytes` are left on the disk for the database, which must be able to say that the disk is full.
    """

    def __init__(self, folder: Path, *, min_free_bytes: int = 0, free: Callable[[Path], int] = free_on_disk) -> None:
        self.folder = folder
        self.min_free_bytes = min_free_bytes
        self._free = free
        self._incoming = folder / "incoming"
        self._checked: LRUCache[str, _State] = LRUCache(_REMEMBERED)
        with _sentences("opened"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # All are made at once and synced by one call, so that no put has to wait for that.
            for each in (folder, self._incoming, *(folder / f"{number:02x}" for number in range(256))):
                each.mkdir(mode=0o700, exist_ok=True)
                each.chmod(0o700)
            sync_folder(folder)
            for leftover in self._incoming.iterdir():
                leftover.unlink()

    async def put(
        self, data: Data, *, sha256: str | None = None, max_bytes: int | None = None, ready: Ready | None = None
    ) -> BlobInfo:
        expected = None if sha256 is None else checked_sha256(sha256)
        incoming = Incoming(self._incoming)
        try:
            if isinstance(data, bytes):  # one way into a thread, not three; what is large is settled beside `ready`
                _check_size(len(data), max_bytes)
                settle = ready is not None and len(data) <= CHUNK_BYTES
                await asyncio.to_thread(self._write, incoming, data, settle=settle)
            else:
                async for piece in _pieces(data):
                    _check_size(incoming.size + len(piece), max_bytes)
                    await asyncio.to_thread(self._write, incoming, piece)
            if expected is not None and incoming.sha256 != expected:
                raise ChecksumMismatch(expected, incoming.sha256)
            if ready is not None:
                await self._until_ready(incoming, ready)
            self._checked[incoming.sha256] = await asyncio.to_thread(self._keep, incoming)
        except BaseException:
            await asyncio.to_thread(incoming.discard)
            raise
        return BlobInfo(incoming.sha256, incoming.size)

    async def _until_ready(self, incoming: Incoming, ready: Ready) -> None:
        """Two syncs that need not wait for each other: that of the bytes, and whatever `ready` is."""
        if incoming.settled:
            return await ready(incoming.sha256)
        settling = asyncio.ensure_future(asyncio.to_thread(self._settle, incoming))
        try:
            await ready(incoming.sha256)
        finally:
            await asyncio.gather(settling, return_exceptions=True)
        settling.result()

    async def get(self, sha256: str) -> bytes:
        return await asyncio.to_thread(self._read, checked_sha256(sha256))

    async def open(self, sha256: str) -> AsyncIterator[bytes]:
        await asyncio.to_thread(self._verify, checked_sha256(sha256))
        return self._stream(sha256)

    async def locate(self, sha256: str) -> Path:
        path = self._path(sha256)
        with _sentences("read", sha256):
            now = _state(await asyncio.to_thread(path.stat))
        if self._checked.get(sha256) != now:
            await asyncio.to_thread(self._verify, sha256)
            self._checked[sha256] = now
        return path

    async def size(self, sha256: str) -> int:
        path = self._path(sha256)
        with _sentences("read", sha256):
            return (await asyncio.to_thread(path.stat)).st_size

    async def exists(self, sha256: str) -> bool:
        return await asyncio.to_thread(self._path(sha256).is_file)

    async def delete(self, sha256: str) -> bool:
        self._checked.pop(sha256, None)
        path = self._path(sha256)
        try:
            with _sentences("deleted", sha256):
                await asyncio.to_thread(path.unlink)
        except BlobMissing:
            return False
        return True

    async def free_bytes(self) -> int | None:
        return max(0, await asyncio.to_thread(self._room))

    def _path(self, sha256: str) -> Path:
        checked_sha256(sha256)
        return self.folder / sha256[:2] / sha256

    def _room(self) -> int:
        return self._free(self.folder) - self.min_free_bytes

    def _write(self, incoming: Incoming, piece: bytes, *, settle: bool = False) -> None:
        with _sentences("stored"):
            if self._room() < max(1, len(piece)):
                raise StorageFull("The disk of the service is full; nothing of this picture was kept.")
            incoming.write(piece)
            if settle:
                incoming.settle()

    def _settle(self, incoming: Incoming) -> None:
        with _sentences("stored"):
            incoming.settle()

    def _keep(self, incoming: Incoming) -> _State:
        path = self._path(incoming.sha256)
        with _sentences("stored"):
            incoming.keep(path)
            return _state(path.stat())

    def _read(self, sha256: str) -> bytes:
        with _sentences("read", sha256):
            blob = self._path(sha256).read_bytes()
        _check(sha256, hashlib.sha256(blob).hexdigest())
        return blob

    def _verify(self, sha256: str) -> None:
        with _sentences("read", sha256), self._path(sha256).open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
        _check(sha256, actual)

    async def _stream(self, sha256: str) -> AsyncIterator[bytes]:
        with _sentences("read", sha256), await asyncio.to_thread(self._path(sha256).open, "rb") as file:
            while chunk := await asyncio.to_thread(_read_chunk, file):
                yield chunk


def _state(stat: os.stat_result) -> _State:
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _check_size(size: int, max_bytes: int | None) -> None:
    if max_bytes is not None and size > max_bytes:
        raise BlobTooLarge(max_bytes)


def _read_chunk(file: BinaryIO) -> bytes:
    return file.read(CHUNK_BYTES)


async def _pieces(data: Data) -> AsyncIterator[bytes]:
    """The bytes in pieces that are worth a thread hop each, at least one: small chunks from the network are gathered."""
    gathered, empty = bytearray(), True
    async for chunk in chunks_of(data):
        gathered += chunk
        if len(gathered) >= _PIECE_BYTES:
            yield bytes(gathered)
            gathered.clear()
            empty = False
    if gathered or empty:
        yield bytes(gathered)


def _check(expected: str, actual: str) -> None:
    if actual != expected:
        raise BlobCorrupt(f"The picture with checksum {expected} has changed on the disk of the service; send or paint it again.")


@contextlib.contextmanager
def _sentences(verb: str, sha256: str | None = None) -> Iterator[None]:
    """Turns the system's errors into ours."""
    try:
        yield
    except FileNotFoundError as error:
        if sha256 is None:
            raise StorageError(f"The picture could not be {verb}: {error.strerror}.") from error
        raise BlobMissing(sha256) from None
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageFull("The disk of the service is full; nothing of this picture was kept.") from error
        raise StorageError(f"The picture could not be {verb}: {error.strerror or os.strerror(error.errno or 0)}.") from error
