"""Blobs in memory: for tests and anybody who builds on blob stores."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from wake_service.blobs.base import BlobInfo, BlobMissing, BlobTooLarge, ChecksumMismatch, Data, Ready, checked_sha256, chunks_of
from wake_service.errors import BlobCorrupt, StorageFull


class MemoryBlobs:
    """A BlobStore that forgets everything with the process. `capacity` in bytes makes it run full."""

    def __init__(self, *, capacity: int | None = None) -> None:
        self.capacity = capacity
        self._blobs: dict[str, bytes] = {}

    async def put(
        self, data: Data, *, sha256: str | None = None, max_bytes: int | None = None, ready: Ready | None = None
    ) -> BlobInfo:
        expected = None if sha256 is None else checked_sha256(sha256)
        gathered = bytearray()
        async for chunk in chunks_of(data):
            gathered += chunk
            if max_bytes is not None and len(gathered) > max_bytes:
                raise BlobTooLarge(max_bytes)
        blob = bytes(gathered)
        actual = hashlib.sha256(blob).hexdigest()
        if expected is not None and actual != expected:
            raise ChecksumMismatch(expected, actual)
        room = await self.free_bytes()
        if room is not None and len(blob) > room:
            raise StorageFull("There is no room left for pictures; nothing of this one was kept.")
        if ready is not None:
            await ready(actual)
        self._blobs[actual] = blob
        return BlobInfo(actual, len(blob))

    async def get(self, sha256: str) -> bytes:
        blob = self._find(sha256)
        if hashlib.sha256(blob).hexdigest() != sha256:
            raise BlobCorrupt(f"The picture with checksum {sha256} has changed since it was stored.")
        return blob

    async def open(self, sha256: str) -> AsyncIterator[bytes]:
        return chunks_of(await self.get(sha256))

    async def size(self, sha256: str) -> int:
        return len(self._find(sha256))

    async def exists(self, sha256: str) -> bool:
        return checked_sha256(sha256) in self._blobs

    async def delete(self, sha256: str) -> bool:
        return self._blobs.pop(checked_sha256(sha256), None) is not None

    async def free_bytes(self) -> int | None:
        return None if self.capacity is None else self.capacity - sum(map(len, self._blobs.values()))

    def corrupt(self, sha256: str) -> None:
        """Flips the first bit of a stored blob, as a failing disk would."""
        blob = self._find(sha256)
        self._blobs[sha256] = bytes([blob[0] ^ 1]) + blob[1:]

    def _find(self, sha256: str) -> bytes:
        try:
            return self._blobs[checked_sha256(sha256)]
        except KeyError:
            raise BlobMissing(sha256) from None
