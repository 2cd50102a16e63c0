"""Small blobs are durable with the transaction that needs them, readable at once, and brought into the store behind that."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Table, delete, insert, select

from tests.service.house import empty_database
from tests.unit.jobs.studio import Studio
from wake_service.blobs import journal
from wake_service.blobs.base import BlobInfo
from wake_service.blobs.folder import FolderBlobs
from wake_service.blobs.journal import GATHER_SECONDS, LARGEST, JournaledBlobs
from wake_service.blobs.life import DAY, Retention
from wake_service.blobs.memory import MemoryBlobs
from wake_service.blobs.records import add_blob, journaled
from wake_service.blobs.shelf import Shelf
from wake_service.blobs.sweeper import Sweeper
from wake_service.clock import ManualClock, settle
from wake_service.errors import StorageFull
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import blob_bytes, blob_grants, blobs

SMALL, LARGE = b"small", bytes(LARGEST + 1)


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Cellar:
    """A shelf before a journal before blobs in memory (`inner`), on a real database, with a clock that the test moves."""

    def __init__(self, folder: Path) -> None:
        (folder / "test.db").write_bytes(empty_database())
        self.store = Store.sqlite(folder / "test.db")
        self.clock = ManualClock()
        self.inner = MemoryBlobs()
        self.artist = ""
        self.working: asyncio.Future[None] | None = None
        self.open_anew()

    def open_anew(self) -> None:
        """A new service on the same database."""
        self.blobs = JournaledBlobs(self.inner, self.store, self.clock)
        self.shelf = Shelf(self.store, self.blobs, self.clock)

    async def keep(self, data: bytes) -> str:
        def write(tx: Transaction, blob: BlobInfo) -> str:
            size = {"size": blob.size, "width": 0, "height": 0}
            add_blob(tx, self.artist, blob.sha256, "image/png", self.clock.now(), pinned_until=self.clock.now(), **size)
            return blob.sha256

        return await self.shelf.keep_made(data, write)

    async def bring(self) -> None:
        """Lets the journal work for a while."""
        self.working = self.working or asyncio.ensure_future(self.blobs.run())
        for _ in range(20):
            await settle()
            await self.clock.advance(GATHER_SECONDS)
            await self.store.write(lambda tx: None)  # behind whatever the journal writes

    async def stop(self) -> None:
        if self.working is not None:
            self.working.cancel()
            await asyncio.gather(self.working, return_exceptions=True)
        self.store.close()

    async def in_journal(self) -> list[str]:
        return [sha256 for sha256, _ in await self.store.read(journaled)]


def _empty(table: Table, tx: Transaction) -> None:
    tx.conn.execute(delete(table))


@pytest.fixture
async def cellar(tmp_path: Path) -> AsyncIterator[Cellar]:
    cellar = Cellar(tmp_path)
    cellar.artist = (await Studio(cellar.store).open()).mira.artist_id
    yield cellar
    await cellar.stop()


async def test_a_small_blob_is_read_at_once_and_in_the_store_a_little_later(cellar: Cellar) -> None:
    sha256 = await cellar.keep(SMALL)
    assert sha256 == name_of(SMALL) and not await cellar.inner.exists(sha256)
    assert await cellar.blobs.get(sha256) == SMALL and await cellar.blobs.exists(sha256)
    assert [chunk async for chunk in await cellar.blobs.open(sha256)] == [SMALL] and await cellar.blobs.size(sha256) == 5
    await cellar.bring()
    assert await cellar.inner.get(sha256) == SMALL == await cellar.blobs.get(sha256)
    assert await cellar.in_journal() == []


async def test_a_service_that_was_killed_before_it_had_brought_a_blob_has_it_all_the_same(cellar: Cellar) -> None:
    sha256 = await cellar.keep(SMALL)
    cellar.open_anew()
    await cellar.blobs.load()
    assert await cellar.blobs.get(sha256) == SMALL
    await cellar.bring()
    assert await cellar.inner.get(sha256) == SMALL and await cellar.in_journal() == []


async def test_one_that_was_killed_after_it_had_brought_a_blob_brings_it_again(cellar: Cellar) -> None:
    sha256 = await cellar.keep(SMALL)
    await cellar.inner.put(SMALL)
    cellar.inner.corrupt(sha256)  # as a power cut may leave what was not synced
    cellar.open_anew()
    await cellar.blobs.load()
    await cellar.bring()
    assert await cellar.inner.get(sha256) == SMALL


async def test_of_a_blob_that_could_not_be_written_down_nothing_stays(cellar: Cellar) -> None:
    def write(tx: Transaction, blob: BlobInfo) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await cellar.shelf.keep_made(SMALL, write)
    assert await cellar.in_journal() == [] and not await cellar.blobs.exists(name_of(SMALL))
    assert await cellar.store.read(lambda conn: conn.execute(select(blob_bytes)).all()) == []


async def test_a_large_blob_goes_straight_into_the_store(cellar: Cellar) -> None:
    sha256 = await cellar.keep(LARGE)
    assert await cellar.inner.exists(sha256) and await cellar.in_journal() == []


async def test_what_waits_is_bounded(cellar: Cellar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST_WAITING", 8)
    waits, too_much = await cellar.keep(SMALL), await cellar.keep(b"other")
    assert await cellar.in_journal() == [waits] and await cellar.inner.exists(too_much)
    await cellar.bring()
    assert await cellar.keep(b"third") in await cellar.in_journal()


async def test_while_the_store_is_full_nothing_more_is_taken_and_what_was_taken_comes_once_there_is_room(cellar: Cellar) -> None:
    cellar.inner.capacity = 0
    first = await cellar.keep(SMALL)
    await cellar.bring()
    with pytest.raises(StorageFull):
        await cellar.keep(b"other")
    assert await cellar.blobs.get(first) == SMALL and await cellar.in_journal() == [first]
    cellar.inner.capacity = None
    await cellar.bring()
    assert await cellar.inner.get(first) == SMALL and await cellar.in_journal() == []
    assert await cellar.keep(b"other") in await cellar.in_journal()


async def test_the_sweeper_lets_be_what_is_on_its_way(cellar: Cellar) -> None:
    sha256 = await cellar.keep(SMALL)
    for table in (blob_grants, blobs):
        await cellar.store.write(partial(_empty, table))
    later = ManualClock(cellar.clock.now() + 30 * DAY)
    sweeper = Sweeper(cellar.store, cellar.blobs, later, Retention(1.0), arriving=lambda: cellar.shelf.arriving)
    assert (await sweeper.sweep()).bytes_of == 0
    assert await cellar.blobs.get(sha256) == SMALL
    await cellar.bring()
    assert (await sweeper.sweep()).bytes_of == 1
    assert not await cellar.blobs.exists(sha256)


async def test_a_blob_whose_earlier_bytes_are_leaving_is_put_when_they_have_left(cellar: Cellar) -> None:
    row = {"sha256": name_of(SMALL), "touched_at": 0.0, "leaving": True}
    await cellar.store.write(lambda tx: tx.conn.execute(insert(blob_bytes).values(**row)))
    keeping = asyncio.ensure_future(cellar.keep(SMALL))
    await asyncio.sleep(0.05)
    assert not keeping.done() and await cellar.in_journal() == []
    await cellar.store.write(partial(_empty, blob_bytes))
    async with asyncio.timeout(10):
        while not keeping.done():
            await cellar.clock.advance(0.25)
            await asyncio.sleep(0.002)
    assert await cellar.inner.exists(await keeping)


async def test_files_are_found_once_they_are_files(cellar: Cellar, tmp_path: Path) -> None:
    folder = FolderBlobs(tmp_path / "blobs")
    cellar.blobs = JournaledBlobs(folder, cellar.store, cellar.clock)
    cellar.shelf = Shelf(cellar.store, cellar.blobs, cellar.clock)
    small, large = await cellar.keep(SMALL), await cellar.keep(LARGE)
    assert await cellar.blobs.locate(small) is None
    path = await cellar.blobs.locate(large)
    assert path is not None and path.read_bytes() == LARGE
    assert await cellar.blobs.link(large, 60, "a.png", "image/png") is None
