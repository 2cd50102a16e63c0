"""Pictures as they are wished for, made in threads and remembered for a while."""

from __future__ import annotations

import asyncio

from cachetools import LRUCache

from wake_service.blobs.base import BlobStore, Shelved
from wake_service.files.pictures import Source, Wish, masked, render

#: What is remembered in all, in bytes.
_REMEMBERED = 64_000_000
#: How many are made at once: each may take several hundred MB while it is made.
_AT_ONCE = 2


class Gallery:
    """Makes pictures from blobs."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._made: LRUCache[tuple[str, Wish], bytes] = LRUCache(_REMEMBERED, getsizeof=len)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def shown(self, sha256: str, wish: Wish) -> bytes:
        """A blob as wished. Raises NotAPicture, BlobMissing, BlobCorrupt."""
        if (known := self._made.get((sha256, wish))) is not None:
            return known
        async with self._turns:
            if (known := self._made.get((sha256, wish))) is not None:
                return known  # somebody else wished for it meanwhile
            made = await asyncio.to_thread(render, await self._source(sha256), wish)
        if len(made) <= _REMEMBERED // 8:
            self._made[sha256, wish] = made
        return made

    async def masked(self, sha256: str, mask: Source) -> bytes:
        """A blob with a mask in it, as PNG. Raises NotAPicture, BlobMissing, BlobCorrupt."""
        async with self._turns:
            return await asyncio.to_thread(masked, await self._source(sha256), mask)

    async def _source(self, sha256: str) -> Source:
        path = await self._blobs.locate(sha256) if isinstance(self._blobs, Shelved) else None
        return await self._blobs.get(sha256) if path is None else path
