"""Small blobs on their way into a blob store: first in the database, in the transaction that needs them, and then there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from wake_service.blobs import records
from wake_service.blobs.base import BlobInfo, BlobStore, Data, Linking, Ready, Shelved, chunks_of
from wake_service.clock import Clock
from wake_service.errors import StorageError
from wake_service.store.store import Store, Transaction

log = logging.getLogger(__name__)

#: Larger blobs go straight into the store, in bytes: for them a file is written sooner than a journal.
LARGEST = 64 * 1024
#: What may wait to be brought where it belongs, in bytes of this process's memory and of the database.
MOST_WAITING = 16 * 1024 * 1024
#: How long blobs gather before they are brought, and before another try, in seconds.
GATHER_SECONDS = 1.0
_PAUSE = 5.0
#: Between two blobs, in seconds: their syncs shall not stand together in the way of somebody's picture.
_BREATH = 0.02


class JournaledBlobs:
    """A BlobStore in front of another one. What `add` took is durable with its transaction, and read from memory until `run` has
    brought it into the other store; after a crash `load` finds it again, and it is brought (once more).

    While nothing can be brought (a full disk), nothing is taken: who has bytes then puts them, and is told of the trouble.
    """

    def __init__(self, blobs: BlobStore, store: Store, clock: Clock) -> None:
        self._blobs = blobs
        self._store = store
        self._clock = clock
        self._waiting: dict[str, bytes] = {}
        self._bytes = 0
        self._stuck = False
        self._wanted = asyncio.Event()

    # -- in ---------------------------------------------------------------------------------------------------------

    def takes(self, size: int) -> bool:
        """Whether so many bytes may be added."""
        return size <= LARGEST and not self._stuck and self._bytes + size <= MOST_WAITING

    def add(self, tx: Transaction, sha256: str, data: bytes) -> None:
        """Takes the bytes of a checksum that is expected (`records.expect_bytes`)."""
        records.add_journaled(tx, sha256, data)
        tx.after_commit(partial(self._hold, sha256, data))

    async def load(self) -> None:
        """Takes up what an earlier service has not brought. Raises StorageError."""
        for sha256, data in await self._store.read(records.journaled):
            self._hold(sha256, data)

    def _hold(self, sha256: str, data: bytes) -> None:
        if sha256 not in self._waiting:
            self._waiting[sha256] = data
            self._bytes += len(data)
        self._wanted.set()

    # -- on ---------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Brings, for ever."""
        while True:
            await self._wanted.wait()
            await self._clock.sleep(GATHER_SECONDS)
            self._wanted.clear()
            try:
                await self._bring()
                self._stuck = False
            except StorageError as error:
                self._stuck = True
                log.error("Small pictures are safe in the database, but cannot be put where they belong yet: %s", error)
                await self._clock.sleep(_PAUSE)
                self._wanted.set()

    async def _bring(self) -> None:
        """All that waits now. Raises StorageError; what was brought by then may be brought again."""
        brought = dict(self._waiting)
        for sha256, data in brought.items():
            await self._blobs.put(data, sha256=sha256)
            await self._clock.sleep(_BREATH)
        if brought:
            await self._store.write(partial(self._forget, brought))

    def _forget(self, brought: dict[str, bytes], tx: Transaction) -> None:
        records.forget_journaled(tx, list(brought))
        tx.after_commit(partial(self._let_go, brought))

    def _let_go(self, brought: dict[str, bytes]) -> None:
        for sha256 in brought:
            self._bytes -= len(self._waiting.pop(sha256))

    # -- BlobStore --------------------------------------------------------------------------------------------------

    async def put(
        self, data: Data, *, sha256: str | None = None, max_bytes: int | None = None, ready: Ready | None = None
    ) -> BlobInfo:
        return await self._blobs.put(data, sha256=sha256, max_bytes=max_bytes, ready=ready)

    async def get(self, sha256: str) -> bytes:
        waiting = self._waiting.get(sha256)
        return await self._blobs.get(sha256) if waiting is None else waiting

    async def open(self, sha256: str) -> AsyncIterator[bytes]:
        waiting = self._waiting.get(sha256)
        return await self._blobs.open(sha256) if waiting is None else chunks_of(waiting)

    async def size(self, sha256: str) -> int:
        waiting = self._waiting.get(sha256)
        return await self._blobs.size(sha256) if waiting is None else len(waiting)

    async def exists(self, sha256: str) -> bool:
        return sha256 in self._waiting or await self._blobs.exists(sha256)

    async def delete(self, sha256: str) -> bool:
        """Removes it from the other store; the sweeper never asks for what waits here."""
        return await self._blobs.delete(sha256)

    async def free_bytes(self) -> int | None:
        return await self._blobs.free_bytes()

    async def locate(self, sha256: str) -> Path | None:
        """As Shelved, where the other store is."""
        if sha256 in self._waiting or not isinstance(self._blobs, Shelved):
            return None
        return await self._blobs.locate(sha256)

    async def link(self, sha256: str, seconds: float, filename: str, media_type: str) -> str | None:
        """As Linking, where the other store is."""
        if sha256 in self._waiting or not isinstance(self._blobs, Linking):
            return None
        return await self._blobs.link(sha256, seconds, filename, media_type)
