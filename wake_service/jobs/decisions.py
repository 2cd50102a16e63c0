"""What an artist decides of her jobs that wait: which comes first, which are let into the queue, which are given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from wake_service.jobs.book import JobBook
from wake_service.jobs.dispatcher import Dispatcher
from wake_service.jobs.events import EventType
from wake_service.jobs.model import Job, JobState, WaitingFor
from wake_service.jobs.telling import Telling

#: Jobs that are changed together: enough to share a commit, few enough not to hold up others.
_AT_ONCE = 100


class Decisions:
    """`reason` says what a job waits for once it is in the queue."""

    def __init__(self, book: JobBook, dispatcher: Dispatcher, telling: Telling, reason: Callable[[Job], WaitingFor]) -> None:
        self._book = book
        self._dispatcher = dispatcher
        self._telling = telling
        self._reason = reason

    async def front(self, job_id: str) -> Job | None:
        """Puts a job that waits before all others of its artist; any other is returned as it is, None if there is none."""
        while (job := await self._book.find(job_id)) is not None and job.state is JobState.QUEUED and job.machine_id is None:
            changed = await self._book.change(job, replace(job, front=self._book.board.front(job.artist_id)), [])
            if changed is not None:
                await self._dispatcher.make_way(changed)
                self._telling.queue_moved()
                return changed
        return job

    async def release(self, artist_id: str) -> list[Job]:
        """Lets everything that she has gathered into the queue, in the order in which she asked for it."""
        released = []
        gathered = self._book.board.gathered(artist_id)
        for start in range(0, len(gathered), _AT_ONCE):
            changes = [self._let_in(job) for job in gathered[start : start + _AT_ONCE]]
            released += [job for job in await asyncio.gather(*changes) if job is not None]
        return released

    async def _let_in(self, job: Job) -> Job | None:
        """None when somebody was faster: it is released already, or cancelled."""
        reason = self._reason(replace(job, waiting_for=None))
        return await self._book.change(job, replace(job, waiting_for=reason), [EventType.JOB_WAITING])

    async def cancel_all(self, jobs: Sequence[Job]) -> int:
        """Gives jobs up, those that wait first, so that no machine begins with them meanwhile; how many that were."""
        cancelled = 0
        ordered = sorted(jobs, key=lambda job: job.machine_id is not None)
        for start in range(0, len(ordered), _AT_ONCE):
            ended = await asyncio.gather(*(self._dispatcher.cancel(job.id) for job in ordered[start : start + _AT_ONCE]))
            cancelled += sum(job is not None and job.state is JobState.CANCELLED for job in ended)
        return cancelled
