"""Where pictures are kept: bytes under their own SHA-256.

A store knows no owners; who may see which picture is the database's business. The same contract suite
(tests/contract/blobs) runs against the in-memory fake and every real one.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from wake_service.errors import StorageError

Data: TypeAlias = bytes | AsyncIterator[bytes]
#: Is told the checksum of what is being put, and ends when the bytes may be found under it.
Ready: TypeAlias = Callable[[str], Awaitable[None]]

CHUNK_BYTES = 256 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BlobMissing(StorageError):
    """No bytes are kept under this checksum."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"No picture with checksum {sha256} is stored here.")
        self.sha256 = sha256


class BlobTooLarge(StorageError):
    """More bytes came than are allowed; nothing was kept."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"The picture is larger than {max_bytes:,} bytes, the most that is accepted; nothing was kept.")
        self.max_bytes = max_bytes


class ChecksumMismatch(StorageError):
    """The bytes that came are not those that were promised; nothing was kept."""

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(f"The picture arrived changed: checksum {actual} instead of {expected}; nothing was kept.")
        self.expected = expected
        self.actual = actual


class BlobSwept(StorageError):
    """The bytes went before they were written down (or are going); putting them again helps."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"The picture with checksum {sha256} was cleared away before it was written down; it is stored again.")
        self.sha256 = sha256


class BlobArchived(StorageError):
    """The bytes lie in cold storage. They were asked for, and can be read in `ready_in` seconds at the latest."""

    def __init__(self, sha256: str, ready_in: int) -> None:
        super().__init__(f"The picture with checksum {sha256} lies in cold storage. It has been asked for: {_hours(ready_in)}.")
        self.sha256 = sha256
        self.ready_in = ready_in


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """A stored blob: its checksum (64 lower-case hex digits) and size in bytes."""

    sha256: str
    size: int


class BlobStore(Protocol):
    """Bytes by checksum. Whatever is not a SHA-256 in lower-case hex is a ValueError, in every call."""

    async def put(
        self, data: Data, *, sha256: str | None = None, max_bytes: int | None = None, ready: Ready | None = None
    ) -> BlobInfo:
        """Stores bytes; once this returns they survive a power cut. Putting what is there is fine and mends a corrupt copy.

        `ready` is awaited once before the bytes can be found under their name, which shows at their end unless it was promised.
        Raises BlobTooLarge, ChecksumMismatch (when `sha256` was promised), StorageFull, or what `ready` raises; then nothing of
        it is kept.
        """

    async def get(self, sha256: str) -> bytes:
        """All bytes of a blob. Raises BlobMissing or BlobCorrupt."""

    async def open(self, sha256: str) -> AsyncIterator[bytes]:
        """The bytes of a blob in chunks, checked before the first one is handed out. Raises BlobMissing or BlobCorrupt."""

    async def size(self, sha256: str) -> int:
        """Bytes of a blob. Raises BlobMissing."""

    async def exists(self, sha256: str) -> bool:
        """Whether a blob is stored."""

    async def delete(self, sha256: str) -> bool:
        """Removes a blob; whether there was one."""

    async def free_bytes(self) -> int | None:
        """Room for further blobs before StorageFull, in bytes; None when there is no limit to know."""


@runtime_checkable
class Shelved(Protocol):
    """What a store can do besides whose blobs are files on this computer."""

    async def locate(self, sha256: str) -> Path | None:
        """The blob's file, whose bytes were checked since it was last written; None: it is none (yet).

        Raises BlobMissing or BlobCorrupt.
        """


@runtime_checkable
class Linking(Protocol):
    """What a store can do besides whose blobs may be fetched from it directly."""

    async def link(self, sha256: str, seconds: float, filename: str, media_type: str) -> str | None:
        """An address from which anybody can fetch the blob for so long (12 hours at most), saved as `filename`.

        None: it has none (yet).
        """


def _hours(seconds: int) -> str:
    return f"it is back within {max(1, round(seconds / 3600))} hours"


def checked_sha256(sha256: str) -> str:
    """The checksum itself if it is one; else ValueError. It becomes a file name, so nothing else may pass."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError("A checksum is 64 lower-case hexadecimal digits.")
    return sha256


async def chunks_of(data: Data) -> AsyncIterator[bytes]:
    """The same bytes as chunks, whichever way they were given."""
    if isinstance(data, bytes):
        for start in range(0, len(data), CHUNK_BYTES):
            yield data[start : start + CHUNK_BYTES]
        return
    async for chunk in data:
        yield chunk
