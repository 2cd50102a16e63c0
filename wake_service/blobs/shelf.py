"""Puts pictures where they belong so that clearing up cannot take them away before they are written down."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import TypeVar

from wake_service.blobs import records
from wake_service.blobs.base import BlobInfo, BlobStore, BlobSwept, Data, checked_sha256
from wake_service.blobs.journal import JournaledBlobs
from wake_service.clock import Clock
from wake_service.errors import StorageError, StorageFull
from wake_service.store.store import Haste, Store, Transaction

log = logging.getLogger(__name__)

#: Removing a blob takes a moment; a put of the same bytes waits this long in all, and asks this often. In seconds.
_LEAVING_SECONDS = 30.0
_LEAVING_PAUSE = 0.25
#: To hash so few bytes takes less than to ask a thread to; then their note can be written beside their file.
_QUICKLY_HASHED = 64 * 1024
#: Sweeps that may come between putting and writing down; each is minutes after the one before.
_TRIES = 3

T = TypeVar("T")


class _Leaving(Exception):
    """Earlier bytes of the same name are just being removed."""


class Shelf:
    """The way to put bytes whose row is yet to be written: the checksum is in the database before the bytes are in the store.

    That is written beside the bytes, which are under no name until then: two syncs that need not wait for each other.
    Whoever writes the row with `records.add_blob` learns (BlobSwept) when the bytes went in between, and puts them again.
    The sweeper asks for `arriving` and lets the notes of those be: bytes that came after theirs was taken would never be found.
    `on_full` is called when there was no room.
    """

    def __init__(self, store: Store, blobs: BlobStore, clock: Clock, on_full: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._counts: Counter[str] = Counter()
        #: Checksums whose bytes are on their way in. Replaced, never changed, so that any thread may read it.
        self.arriving: frozenset[str] = frozenset()
        self.on_full = on_full

    async def put(self, data: bytes, *, sha256: str | None = None, max_bytes: int | None = None) -> BlobInfo:
        """As BlobStore.put. Raises StorageError besides, when earlier bytes of the same name would not go."""
        if sha256 is None and len(data) > _QUICKLY_HASHED:  # hashed once, on its way to the disk
            async with self.arrived(data, max_bytes=max_bytes) as blob:
                return blob
        name = _sha256(data) if sha256 is None else checked_sha256(sha256)
        with self._arrival(name):
            expecting = asyncio.ensure_future(self._expect(name))
            try:
                return await self._blobs.put(data, sha256=name, max_bytes=max_bytes, ready=lambda _: expecting)
            except StorageFull:
                self.on_full()
                raise
            finally:
                expecting.cancel()
                await asyncio.gather(expecting, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def arrived(
        self, data: Data, *, max_bytes: int | None, named: Callable[[str], None] = lambda _sha256: None
    ) -> AsyncIterator[BlobInfo]:
        """Puts bytes whose checksum shows only at their end. Within the block, where their row is written, no sweep takes them.

        `named` is told the checksum once all have come, while they are still on their way to the disk.
        Raises as BlobStore.put, and as `put` here.
        """
        with contextlib.ExitStack() as arrivals:

            async def ready(sha256: str) -> None:
                arrivals.enter_context(self._arrival(sha256))
                named(sha256)
                await self._expect(sha256)

            try:
                blob = await self._blobs.put(data, max_bytes=max_bytes, ready=ready)
            except StorageFull:
                self.on_full()
                raise
            yield blob

    async def keep(self, data: bytes, sha256: str, max_bytes: int, write: Callable[[Transaction], None]) -> None:
        """Puts bytes and writes them down; both again when they were swept in between. Raises as `put` does."""
        for _ in range(_TRIES):
            await self.put(data, sha256=sha256, max_bytes=max_bytes)
            try:
                return await self._store.write(write)
            except BlobSwept as error:
                log.info("%s", error)
        raise StorageError("The picture could not be kept, because it was cleared away again and again. Send it again.")

    async def keep_made(self, data: bytes, write: Callable[[Transaction, BlobInfo], T]) -> T:
        """Puts bytes and writes them down with `write`: small ones in one transaction. Raises as `put`, or BlobSwept."""
        if isinstance(self._blobs, JournaledBlobs) and self._blobs.takes(len(data)):
            with contextlib.suppress(_Leaving):  # waited for below
                return await self._journaled(self._blobs, data, write)
        blob = await self.put(data)
        return await self._store.write(lambda tx: write(tx, blob))

    async def _journaled(self, journal: JournaledBlobs, data: bytes, write: Callable[[Transaction, BlobInfo], T]) -> T:
        blob, now = BlobInfo(_sha256(data), len(data)), self._clock.now()

        def work(tx: Transaction) -> T:
            if not records.expect_bytes(tx, blob.sha256, now):
                raise _Leaving
            journal.add(tx, blob.sha256, data)
            return write(tx, blob)

        try:
            return await self._store.write(work, Haste.URGENT)
        except StorageFull:
            self.on_full()
            raise

    async def renew(self, artist_id: str, sha256: str, until: float) -> bool:
        """Pins a picture that an artist has already, if she does. Pinned first: it stays then, and is looked for at leisure."""

        def work(tx: Transaction) -> bool:
            return bool(records.pin(tx, artist_id, [sha256], until)) and records.is_picture(tx.conn, sha256)

        return await self._store.write(work) and await self._blobs.exists(sha256)

    @contextlib.contextmanager
    def _arrival(self, sha256: str) -> Iterator[None]:
        """From before its note is written until its bytes are there (or not coming): the note must outlive every sweep."""
        self._counts[sha256] += 1
        self.arriving = frozenset(self._counts)
        try:
            yield
        finally:
            self._counts[sha256] -= 1
            self._counts = +self._counts
            self.arriving = frozenset(self._counts)

    async def _expect(self, sha256: str) -> None:
        give_up_at = self._clock.now() + _LEAVING_SECONDS
        while not await self._store.write(partial(records.expect_bytes, sha256=sha256, now=self._clock.now())):
            if self._clock.now() >= give_up_at:
                raise StorageError("An earlier copy of this picture is still being removed. Send it again in a minute.")
            await self._clock.sleep(_LEAVING_PAUSE)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
