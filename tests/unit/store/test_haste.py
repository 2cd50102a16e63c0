"""Which work a commit waits for: an urgent one for none that is patient, a patient one for company, for a while."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tests.support.running_service import eventually
from wake_service.store.store import Haste, Store, Transaction

#: More patience than a test has, in seconds.
_ENDLESS, _DEADLINE = 3600.0, 10.0


@pytest.fixture
async def patient(store: Store, tmp_path: Path) -> AsyncIterator[Store]:
    patient = Store.sqlite(tmp_path / "test.db", patience=_ENDLESS)
    yield patient
    await asyncio.to_thread(patient.close)


def add(word: str) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        tx.conn.execute(text("INSERT INTO words SELECT :word, count(*) FROM words"), {"word": word})

    return work


def in_order(conn: Connection) -> list[str]:
    return list(conn.execute(text("SELECT word FROM words ORDER BY size")).scalars())


async def handed_in(store: Store, work: Callable[[Transaction], None], haste: Haste) -> asyncio.Task[None]:
    """On its way to the writer, before anything that is written from now on."""
    task = asyncio.create_task(store.write(work, haste))
    await asyncio.sleep(0)
    return task


async def until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(eventually, condition, _DEADLINE)


async def test_what_is_urgent_overtakes_what_is_patient_which_follows_at_once(patient: Store) -> None:
    slow = await handed_in(patient, add("begun"), Haste.PATIENT)
    async with asyncio.timeout(_DEADLINE):
        await patient.write(add("picture"), Haste.URGENT)
        await slow
    assert await patient.read(in_order) == ["picture", "begun"]


async def test_what_is_usual_overtakes_nothing_and_takes_along_what_was_held(patient: Store) -> None:
    slow = [await handed_in(patient, add(word), Haste.PATIENT) for word in ("begun", "rests")]
    await until(lambda: len(patient._held) == 2)
    async with asyncio.timeout(_DEADLINE):
        await patient.write(add("prompt"))
        await asyncio.gather(*slow)
    assert await patient.read(in_order) == ["begun", "rests", "prompt"]


async def test_patience_ends_when_nothing_else_comes(store: Store) -> None:
    async with asyncio.timeout(_DEADLINE):
        await store.write(add("begun"), Haste.PATIENT)
    assert await store.read(in_order) == ["begun"]


async def test_closing_finishes_what_was_held_and_what_is_patient_still(store: Store, tmp_path: Path) -> None:
    closing, go_on = Store.sqlite(tmp_path / "test.db", patience=_ENDLESS), threading.Event()
    held = await handed_in(closing, add("begun"), Haste.PATIENT)
    await until(lambda: len(closing._held) == 1)
    busy = await handed_in(closing, lambda _tx: assert_set(go_on), Haste.URGENT)
    await until(closing._queue.empty)
    last = await handed_in(closing, add("rests"), Haste.PATIENT)
    ended = asyncio.create_task(asyncio.to_thread(closing.close))
    await until(lambda: closing._queue.qsize() == 2)
    go_on.set()
    async with asyncio.timeout(_DEADLINE):
        await asyncio.gather(held, busy, last, ended)
    assert await store.read(in_order) == ["begun", "rests"]


def assert_set(event: threading.Event) -> None:
    assert event.wait(_DEADLINE)
