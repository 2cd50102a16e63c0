"""A machine's engine that is lost, and is back, faster than the database answers: one runner at most, and none left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from tests.service.quick_engine import QuickClient
from tests.service.studio_of_machines import Studio
from wake_service.clock import settle
from wake_service.jobs.floor import Machine
from wake_service.jobs.model import claimed
from wake_service.machines.model import MachineState
from wake_service.providers.base import Door
from wake_service.store.store import Haste

M1 = Machine("m1", "default", "boot-1", 0)


class ClosableClient(QuickClient):
    closed = False

    async def close(self) -> None:
        self.closed = True
        await super().close()


def clients(studio: Studio, count: int) -> list[ClosableClient]:
    return [ClosableClient(studio.engines["m1"], Door("http://m1.invalid:8188")) for _ in range(count)]


async def test_of_several_greetings_at_once_the_last_one_counts_and_the_others_are_let_go(tmp_path: Path) -> None:
    async with Studio(tmp_path).open() as studio:
        dispatcher, callers = studio.service.dispatcher, clients(studio, 3)  # type: ignore[attr-defined]
        await asyncio.gather(*(dispatcher.attach(M1, caller) for caller in callers))
        assert [caller.closed for caller in callers] == [True, True, False]
        assert dispatcher.engine("default") is callers[-1]


@pytest.mark.parametrize("reason", [None, "The engine ended by itself."])
async def test_an_engine_that_is_lost_while_it_is_put_to_work_works_no_more(tmp_path: Path, reason: str | None) -> None:
    async with Studio(tmp_path).open() as studio:
        dispatcher, (caller,) = studio.service.dispatcher, clients(studio, 1)  # type: ignore[attr-defined]
        at_once: list[Awaitable[None]] = [dispatcher.attach(M1, caller), dispatcher.detach("m1", reason)]
        await asyncio.gather(*at_once)
        assert caller.closed and dispatcher.engine("default") is None


def claimed_on(studio: Studio, job_id: str) -> str | None:
    """At which machine a job is said to be."""
    job = studio.service.book.board.get(job_id)
    assert job is not None
    return job.machine_id


async def test_a_job_that_is_being_claimed_for_an_engine_that_is_lost_waits_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim's commit comes after the loss: the job is given back all the same."""
    async with Studio(tmp_path).open() as studio:
        dispatcher, store = studio.service.dispatcher, studio.service.store
        begun, held_up, write = asyncio.Event(), asyncio.Event(), store.write
        real_claim, writes = dispatcher._write_claim, list[asyncio.Future[Any]]()

        async def slow_write(work: Any, haste: Haste = Haste.USUAL) -> Any:
            begun.set()
            await held_up.wait()
            return await write(work, haste)

        def handed_in(*asked: Any) -> asyncio.Future[Any]:
            writes.append(asyncio.ensure_future(slow_write(*asked)))
            return asyncio.shield(writes[-1])  # who waits for it may go; it is written all the same

        async def slow_claim(*claim: Any) -> Any:
            monkeypatch.setattr(store, "write", handed_in)
            return await real_claim(*claim)

        monkeypatch.setattr(dispatcher, "_write_claim", slow_claim)
        job_id = await studio.job(studio.mira)
        await studio.pass_until(begun.is_set)
        monkeypatch.setattr(store, "write", write)
        losing = asyncio.ensure_future(dispatcher.detach("m1", "The engine ended by itself."))
        await settle()
        held_up.set()
        await asyncio.gather(losing, *writes)
        assert claimed_on(studio, job_id) is None


async def test_a_job_that_its_machine_does_not_have_is_painted_all_the_same(tmp_path: Path) -> None:
    async with Studio(tmp_path).open() as studio:
        book = studio.service.book
        await studio.job(studio.mira, count=4)
        await studio.until(MachineState.BUSY)
        studio.service.dispatcher.poke()
        job_id = await studio.job(studio.noor)
        waiting = book.board.get(job_id)
        assert waiting is not None and waiting.machine_id is None
        await book.change(waiting, claimed(waiting, "m1", book.new_claim()), [])
        assert claimed_on(studio, job_id) == "m1"
        await studio.pass_until(lambda: studio.ended(job_id))
        assert studio.intruders == []
