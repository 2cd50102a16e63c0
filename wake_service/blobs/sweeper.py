"""Clears away the pictures that nobody needs any more: first what the database says of them, then the bytes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from wake_service.blobs import holdings, names, records
from wake_service.blobs.base import BlobStore
from wake_service.blobs.life import GRACE_SECONDS, Retention
from wake_service.clock import Clock
from wake_service.errors import StorageError
from wake_service.store.store import Store, Transaction

log = logging.getLogger(__name__)

#: Seconds between two sweeps, and between a sweep and one that was asked for right after it.
PERIOD = 300.0
_PAUSE = 5.0
#: Rows in one transaction at most: others wait for the writer meanwhile.
_AT_ONCE = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep cleared away: results, files and assets that had their time, artists' holds, blobs, and the bytes of blobs."""

    results: int = 0
    files: int = 0
    assets: int = 0
    holds: int = 0
    blobs: int = 0
    bytes_of: int = 0

    def __bool__(self) -> bool:
        return any((self.results, self.files, self.assets, self.holds, self.blobs, self.bytes_of))


class Sweeper:
    """One per database. Every step looks again in the transaction that acts: who asks for a picture meanwhile keeps it.

    Bytes go last, and only while `blob_bytes` says that they are leaving: nobody can write a blob down meanwhile. A crash
    leaves the mark, and the next sweep goes on from it. `arriving` says whose bytes are just coming; it is asked in the store's
    thread, inside the transaction.
    """

    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        clock: Clock,
        retention: Retention,
        *,
        arriving: Callable[[], Collection[str]],
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._retention = retention
        self._arriving = arriving
        self._grace = grace
        self._wanted = asyncio.Event()
        self._alone = asyncio.Lock()
        #: Is called when files have gone from artists' folders.
        self.on_files_gone: Callable[[], None] = lambda: None

    def poke(self) -> None:
        """There is something to clear away, or room is short."""
        self._wanted.set()

    async def run(self) -> None:
        """Sweeps, for ever."""
        while True:
            self._wanted.clear()
            try:
                if swept := await self.sweep():
                    log.info("Cleared away: %s", swept)
            except StorageError as error:
                log.error("Pictures that nobody needs could not be cleared away; it will be tried again: %s", error)
            await self._clock.sleep(_PAUSE)
            await self._until_wanted()

    async def _until_wanted(self) -> None:
        waits = [asyncio.create_task(self._wanted.wait()), asyncio.create_task(self._nap())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _nap(self) -> bool:
        await self._clock.sleep(PERIOD)
        return True

    async def sweep(self) -> Swept:
        """Clears away what may go now, one sweep after the other. Raises StorageError; whatever was done by then is done."""
        async with self._alone:  # two could remove the same bytes, the second one after they were put again
            return Swept(
                results=await self._sweep_results(),
                files=await self._sweep_files(),
                assets=await self._sweep_names(names.old_assets, names.let_assets_go),
                holds=await self._sweep_holds(),
                blobs=await self._sweep_blobs(),
                bytes_of=await self._sweep_bytes(),
            )

    async def _sweep_results(self) -> int:
        ended_before = self._retention.expired(self._clock.now())
        total = 0
        while went := await self._store.write(partial(holdings.let_results_go, ended_before=ended_before, limit=_AT_ONCE)):
            total += went
        return total

    async def _sweep_files(self) -> int:
        gone = await self._sweep_names(names.old_files, names.let_files_go)
        if gone:
            self.on_files_gone()
        return gone

    async def _sweep_names(self, old: names.Old, let_go: names.LetGo) -> int:
        now, total = self._clock.now(), 0
        for keys in _portions(await self._store.read(partial(old, retention=self._retention, now=now))):
            total += await self._store.write(partial(let_go, keys=keys, retention=self._retention, now=now))
        return total

    async def _sweep_holds(self) -> int:
        now, total = self._clock.now(), 0
        ended = await self._store.read(partial(holdings.ended, retention=self._retention, now=now))
        for keys in _portions(ended):
            total += await self._store.write(partial(self._let_go, keys))
        return total

    def _let_go(self, keys: Sequence[holdings.Key], tx: Transaction) -> int:
        return holdings.let_go(tx, keys, self._retention, self._clock.now())

    async def _sweep_blobs(self) -> int:
        total = 0
        for checksums in _portions(await self._store.read(holdings.unheld)):
            total += await self._store.write(partial(holdings.forget_unheld, checksums=checksums))
        return total

    async def _sweep_bytes(self) -> int:
        untouched, total, failed = self._clock.now() - self._grace, 0, 0
        unknown = await self._store.read(partial(records.unknown_bytes, untouched_since=untouched))
        for checksums in _portions(unknown):
            leaving = await self._store.write(partial(self._begin_leaving, checksums, untouched))
            gone = [sha256 for sha256 in leaving if await self._remove(sha256)]
            await self._store.write(partial(records.end_leaving, checksums=gone))
            if kept := sorted({*leaving}.difference(gone)):
                await self._store.write(partial(records.stop_leaving, checksums=kept, now=self._clock.now()))
            total, failed = total + len(gone), failed + len(kept)
        if failed:
            log.warning("The bytes of %d pictures could not be removed; it will be tried again", failed)
        return total

    def _begin_leaving(self, checksums: Sequence[str], untouched: float, tx: Transaction) -> list[str]:
        return records.begin_leaving(tx, checksums, untouched, {*checksums}.intersection(self._arriving()))

    async def _remove(self, sha256: str) -> bool:
        try:
            await self._blobs.delete(sha256)
        except StorageError as error:
            log.debug("%s", error)
            return False
        return True


def _portions(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))
