"""Transactions: what is acknowledged is durable, what fails takes nobody along."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from wake_service.errors import StorageError, StorageFull
from wake_service.store.store import JOURNAL_BYTES, MAX_GROUP, Store, Transaction


def add(word: str) -> Callable[[Transaction], str]:
    def work(tx: Transaction) -> str:
        tx.conn.execute(text("INSERT INTO words VALUES (:word, 1)"), {"word": word})
        return word

    return work


def words(conn: Connection) -> list[str]:
    return list(conn.execute(text("SELECT word FROM words ORDER BY word")).scalars())


class Gate:
    """Holds the writer up, so that what comes meanwhile is in one group."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.reached = threading.Event()

    def __call__(self, _tx: Transaction) -> None:
        self.reached.set()
        assert self._open.wait(10)

    def open(self) -> None:
        self._open.set()


async def grouped(store: Store, *works: Callable[[Transaction], object]) -> list[object]:
    """What became of works that shared a commit."""
    gate = Gate()
    first = asyncio.create_task(store.write(gate))
    await asyncio.to_thread(gate.reached.wait, 10)
    others = [asyncio.create_task(store.write(work)) for work in works]
    await asyncio.sleep(0)
    gate.open()
    await first
    return list(await asyncio.gather(*others, return_exceptions=True))


async def test_what_was_written_is_read_by_the_next(store: Store) -> None:
    assert await store.write(add("ink")) == "ink"
    assert await store.read(words) == ["ink"]


async def test_works_that_come_together_share_a_commit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[int] = []
    commit = Store._commit
    monkeypatch.setattr(Store, "_commit", lambda self, group: (commits.append(len(group)), commit(self, group)))
    await grouped(store, *(add(f"w{n:03}") for n in range(MAX_GROUP + 20)))
    assert commits == [1, MAX_GROUP, 20]
    assert len(await store.read(words)) == MAX_GROUP + 20


async def test_one_that_fails_is_undone_alone(store: Store) -> None:
    def broken(tx: Transaction) -> None:
        add("half")(tx)
        raise ValueError("no")

    first, failed, third = await grouped(store, add("ink"), broken, add("oil"))
    assert (first, third) == ("ink", "oil")
    assert isinstance(failed, ValueError)
    assert await store.read(words) == ["ink", "oil"]


async def test_a_word_that_is_there_already_harms_nobody_else(store: Store) -> None:
    first, again, third = await grouped(store, add("ink"), add("ink"), add("oil"))
    assert (first, third) == ("ink", "oil")
    assert isinstance(again, StorageError) and not isinstance(again, StorageFull)
    assert await store.read(words) == ["ink", "oil"]


async def test_consequences_follow_when_it_is_durable_and_before_the_one_who_waits(store: Store, tmp_path: Path) -> None:
    seen: list[object] = []

    def work(tx: Transaction) -> None:
        add("ink")(tx)

        def look() -> None:
            with sqlite3.connect(tmp_path / "test.db") as other:
                seen.append(other.execute("SELECT word FROM words").fetchall())
            other.close()
            seen.append(threading.current_thread() is threading.main_thread())

        tx.after_commit(look)

    await store.write(work)
    assert seen == [[("ink",)], True]


async def test_what_failed_has_no_consequences(store: Store) -> None:
    seen: list[str] = []

    def broken(tx: Transaction) -> None:
        tx.after_commit(lambda: seen.append("broken"))
        raise ValueError("no")

    def sound(tx: Transaction) -> None:
        tx.after_commit(lambda: seen.append("sound"))

    await grouped(store, broken, sound)
    assert seen == ["sound"]


async def test_a_consequence_that_fails_keeps_nobody_waiting(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    def work(tx: Transaction) -> str:
        tx.after_commit(lambda: seen.append(str(1 / 0)))
        tx.after_commit(lambda: seen.append("second"))
        return "done"

    assert await asyncio.wait_for(store.write(work), 5) == "done"
    assert seen == ["second"]
    assert "ZeroDivisionError" in caplog.text


async def test_consequences_come_in_the_order_of_the_works(store: Store) -> None:
    seen: list[int] = []

    def numbered(n: int) -> Callable[[Transaction], None]:
        return lambda tx: tx.after_commit(lambda: seen.append(n))

    await grouped(store, *(numbered(n) for n in range(50)))
    assert seen == list(range(50))


async def test_many_writers_lose_nothing(store: Store) -> None:
    async def writer(name: str) -> None:
        for n in range(40):
            await store.write(add(f"{name}{n}"))

    await asyncio.gather(*(writer(name) for name in "abcdefgh"))
    assert len(await store.read(words)) == 8 * 40


async def test_somebody_who_does_not_wait_any_more_harms_nobody(store: Store) -> None:
    gate = Gate()
    first = asyncio.create_task(store.write(gate))
    await asyncio.to_thread(gate.reached.wait, 10)
    impatient, patient = asyncio.create_task(store.write(add("ink"))), asyncio.create_task(store.write(add("oil")))
    await asyncio.sleep(0)
    impatient.cancel()
    gate.open()
    await first
    assert await patient == "oil"


async def test_a_reader_sees_one_moment(store: Store) -> None:
    """Between two queries of one read nothing changes, though somebody writes."""
    await store.write(add("ink"))
    began, go_on = threading.Event(), threading.Event()

    def read(conn: Connection) -> tuple[list[str], list[str]]:
        before = words(conn)
        began.set()
        assert go_on.wait(10)
        return before, words(conn)

    reading = asyncio.create_task(store.read(read))
    await asyncio.to_thread(began.wait, 10)
    await store.write(add("oil"))
    go_on.set()
    assert await reading == (["ink"], ["ink"])


class Full:
    """A database that may not grow by more than a few pages."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._most = 0

    async def __aenter__(self) -> None:
        pages = await self._store.read(lambda conn: int(conn.exec_driver_sql("PRAGMA page_count").scalar_one()))
        await self._limit(pages + 4)
        event.listen(self._store.engine, "connect", self._connected)

    async def __aexit__(self, *_: object) -> None:
        event.remove(self._store.engine, "connect", self._connected)
        await self._limit(1_000_000)

    async def _limit(self, pages: int) -> None:
        """Of the connection that the writer has; it may begin a new one when a transaction failed."""
        self._most = pages
        await self._store.write(lambda tx: tx.conn.exec_driver_sql(f"PRAGMA max_page_count={pages}"))

    def _connected(self, connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={self._most}")


def much(tx: Transaction) -> None:
    tx.conn.execute(text("INSERT INTO words VALUES (hex(randomblob(100000)), 1)"))


async def test_a_full_disk_is_said_in_a_sentence_and_keeps_what_was_accepted(store: Store) -> None:
    await store.write(add("ink"))
    async with Full(store):
        with pytest.raises(StorageFull, match="disk is full"):
            await store.write(much)
        assert await store.read(words) == ["ink"]
        assert await store.write(add("oil")) == "oil"
    await store.write(much)
    assert len(await store.read(words)) == 3


async def test_nobody_is_told_that_it_was_stored_when_the_disk_filled_up_meanwhile(store: Store) -> None:
    """A full disk ends the whole transaction: those before and behind in the group learn it too."""
    seen: list[str] = []

    def told(tx: Transaction) -> None:
        add("ink")(tx)
        tx.after_commit(lambda: seen.append("ink"))

    async with Full(store):
        outcomes = await grouped(store, told, much, add("oil"))
    assert all(isinstance(outcome, StorageFull) for outcome in outcomes)
    assert (seen, await store.read(words)) == ([], [])


async def test_a_connection_that_broke_is_not_the_next_transaction_s(store: Store) -> None:
    def breaks(tx: Transaction) -> None:
        tx.conn.invalidate()
        raise StorageError("the database went")

    with pytest.raises(StorageError):
        await store.write(breaks)
    assert await store.write(add("ink")) == "ink"
    assert await store.read(words) == ["ink"]


async def test_closing_finishes_what_was_handed_in(tmp_path: Path) -> None:
    store = Store.sqlite(tmp_path / "closing.db")
    with store.engine.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE words (word TEXT PRIMARY KEY, size INTEGER)")
    last = [asyncio.create_task(store.write(add(f"w{n}"))) for n in range(20)]
    await asyncio.sleep(0)
    store.close()
    assert await asyncio.gather(*last) == [f"w{n}" for n in range(20)]


async def test_writing_is_synced_to_the_disk(store: Store) -> None:
    """SQLite's own words for it: 2 is FULL."""

    def ask(tx: Transaction) -> tuple[object, object]:
        return tuple(tx.conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("synchronous", "journal_mode"))

    assert await store.write(ask) == (2, "wal")


async def test_two_programs_on_one_database_wait_for_each_other(store: Store, tmp_path: Path) -> None:
    """The command line works beside a running service."""
    other = Store.sqlite(tmp_path / "test.db")

    def read_then_write(word: str) -> Callable[[Transaction], str]:
        def work(tx: Transaction) -> str:
            words(tx.conn)
            return add(word)(tx)

        return work

    async def writer(of: Store, name: str) -> None:
        for n in range(25):
            await of.write(read_then_write(f"{name}{n}"))

    await asyncio.gather(writer(store, "a"), writer(other, "b"))
    other.close()
    assert len(await store.read(words)) == 50


async def test_the_journal_of_a_large_transaction_is_cut_again(store: Store, tmp_path: Path) -> None:
    def large(tx: Transaction) -> None:
        tx.conn.execute(text("INSERT INTO words VALUES (zeroblob(:size), 1)"), {"size": 2 * JOURNAL_BYTES})

    await store.write(large)
    assert (tmp_path / "test.db-wal").stat().st_size > JOURNAL_BYTES
    for number in range(3):
        await store.write(add(f"word {number}"))
    assert (tmp_path / "test.db-wal").stat().st_size <= JOURNAL_BYTES
