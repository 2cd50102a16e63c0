"""Notes are written in order, and what was overtaken by an earlier one does no harm."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.jobs.studio import Studio
from wake_service.clock import settle
from wake_service.comfy.client import EngineClient
from wake_service.errors import EngineUnreachable
from wake_service.jobs.events import EventType
from wake_service.jobs.model import Job, JobState, WaitingFor, claimed, released, running
from wake_service.jobs.picture import Picture, Sent, Tray
from wake_service.jobs.recorder import Recorder
from wake_service.jobs.surroundings import Surroundings
from wake_service.jobs.thrift import Memory, starved


class Engine:
    """What the recorder asks of an engine here."""

    def __init__(self) -> None:
        self.freed = 0
        self.gone = False

    async def free(self) -> None:
        self.freed += 1
        if self.gone:
            raise EngineUnreachable("No answer.")


class Desk:
    """A recorder on its own, with a job of two pictures at its engine."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.engine: Any = Engine()
        self.dropped: list[str] = []

    async def open(self) -> Desk:
        book = self.studio.book
        job = await self.studio.submit(count=2)
        job = await book.change(job, running(claimed(job, "m1", book.new_claim()), 1.0), [EventType.JOB_RUNNING]) or job
        self.pictures = [Picture(job.id, n, f"p{n}", sent=Sent.DONE) for n in range(2)]
        return self

    def recorder(self) -> Recorder:
        around = Surroundings(
            client_id="me",
            claim=_nothing,
            occupied=_nothing,
            unreachable=_nothing,
            finished=lambda _picture, _at: None,
            interrupted=_nothing,
            starved=self._starved,
            turned_away=_nothing,
            home=lambda _prompt_id: None,
            left=lambda _prompt_id: None,
        )
        collector: Any = None
        client: EngineClient = self.engine
        book, tray = self.studio.book, Tray(self.pictures)
        self.tray = tray
        return Recorder(client, book, collector, self.studio.clock, tray, around, lambda: None, self._drop)

    async def write(self) -> Job | None:
        """What becomes of the job when both its pictures ran out of memory before anything was written of that."""
        recorder = self.recorder()
        for picture in self.pictures:
            recorder.starved(picture)
        writing = asyncio.create_task(recorder.run())
        async with asyncio.timeout(10):
            while self.tray:
                await settle()
                await asyncio.sleep(0.001)
        writing.cancel()
        return await self.studio.book.find(self.pictures[0].job_id)

    async def _drop(self, job_id: str) -> None:
        self.dropped.append(job_id)

    async def _starved(self, job: Job) -> None:
        after = starved(job, Memory.GPU, WaitingFor.MACHINE_BUSY, 2.0, tried_frugally=job.frugal)
        await self.studio.book.change(job, after, [EventType.JOB_REQUEUED])


async def _nothing(*_: object) -> None:
    return None


@pytest.mark.parametrize("gone", [False, True])
async def test_two_pictures_that_ran_out_of_memory_at_once_are_one_reason_for_the_frugal_try(studio: Studio, gone: bool) -> None:
    desk = await Desk(studio).open()
    desk.engine.gone = gone
    job = await desk.write()
    assert job is not None
    assert (job.state, job.frugal, job.attempt, job.error) == (JobState.QUEUED, True, 2, None)
    assert (desk.engine.freed, desk.dropped) == (1, [job.id])


@pytest.mark.parametrize("dropped", [True, False])
async def test_a_picture_that_begins_when_its_job_was_taken_back_leaves_it_waiting(studio: Studio, dropped: bool) -> None:
    """Else it would run, as far as is known, on no machine, and no machine would ever take it."""
    desk = await Desk(studio).open()
    job = studio.book.board.get(desk.pictures[0].job_id)
    assert job is not None
    job = await studio.book.change(job, released(job, WaitingFor.NO_MACHINE), [EventType.JOB_REQUEUED])
    if dropped:  # another machine has taken it meanwhile
        assert job is not None
        job = await studio.book.change(job, claimed(job, "m2", studio.book.new_claim()), [])
    desk.pictures[0].dropped = dropped
    recorder = desk.recorder()
    recorder.begun(desk.pictures[0])
    recorder.left(desk.pictures[1])
    writing = asyncio.create_task(recorder.run())
    async with asyncio.timeout(10):
        while not recorder._notes.empty():
            await settle()
            await asyncio.sleep(0.001)
    await settle()
    writing.cancel()
    after = studio.book.board.get(desk.pictures[0].job_id)
    assert after is not None and (after.state, after.machine_id) == (JobState.QUEUED, "m2" if dropped else None)
