"""The durable consequences of what an engine does, written strictly in order."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from wake_service.clock import Clock
from wake_service.comfy.client import EngineClient
from wake_service.comfy.progress import Stage
from wake_service.errors import EngineError, EngineFailed, EngineRefused, EngineUnreachable, StorageError
from wake_service.jobs.book import JobBook
from wake_service.jobs.collector import Collector, Fetched
from wake_service.jobs.courier import Missed
from wake_service.jobs.events import EventType
from wake_service.jobs.model import JobError, JobState, failed, running
from wake_service.jobs.picture import Picture, Sent, Tray
from wake_service.jobs.surroundings import Surroundings
from wake_service.store.store import Haste

log = logging.getLogger(__name__)

#: Seconds between tries to store what could not be stored (a full disk).
_STORE_PAUSE = 2.0
#: Folders in front of a file name, as engines put them into their messages.
_FOLDERS = re.compile(r"(?:[A-Za-z]:)?(?:[/\\][\w.\- ]+)+[/\\]")
_LONGEST = 500
_TELL_ADMIN = "Try again. If it happens with every picture, tell your admin."


class Recorder:
    """Takes notes at once and writes them one after the other; a note that cannot be stored is tried until it can.

    `engine_went` and `dropped` tell the runner: that the engine cannot be reached, that a job's pictures are of no use any more.
    """

    def __init__(
        self,
        client: EngineClient,
        book: JobBook,
        collector: Collector,
        clock: Clock,
        tray: Tray,
        around: Surroundings,
        engine_went: Callable[[], None],
        dropped: Callable[[str], Awaitable[None]],
    ) -> None:
        self._client = client
        self._book = book
        self._collector = collector
        self._clock = clock
        self._tray = tray
        self._around = around
        self._engine_went = engine_went
        self._dropped = dropped
        self._fetching: set[asyncio.Future[Fetched | None]] = set()
        self._notes: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()

    def begun(self, picture: Picture) -> None:
        """The engine has begun with a picture."""
        self._notes.put_nowait(partial(self._write_begun, picture))

    def stage(self, picture: Picture, stage: Stage) -> None:
        """A picture has reached a stage."""
        self._notes.put_nowait(partial(self._write_stage, picture, stage))

    def done(self, picture: Picture, finished_at: float) -> None:
        """The engine has finished a picture: it is fetched and stored at once, and announced in its turn."""
        fetching = asyncio.ensure_future(self._fetch(picture))
        self._fetching.add(fetching)
        fetching.add_done_callback(self._fetched)
        self._notes.put_nowait(partial(self._write_done, picture, finished_at, [fetching]))

    async def _fetch(self, picture: Picture) -> Fetched | None:
        if picture.courier is None:
            return await self._collector.fetch(picture, self._client)
        await picture.courier.finish()
        return None

    def failed(self, picture: Picture, error: JobError) -> None:
        """There will be no picture."""
        self._notes.put_nowait(partial(self._write_failed, picture, error))

    def starved(self, picture: Picture) -> None:
        """The engine's GPU ran out of memory over it."""
        self._notes.put_nowait(partial(self._write_starved, picture))

    def interrupted(self, picture: Picture) -> None:
        """The engine was told to stop working on it: by us, after a cancel, or by somebody else."""
        self._notes.put_nowait(partial(self._write_interrupted, picture))

    def turned_away(self, job_id: str, pictures: list[Picture]) -> None:
        """The machine takes no new prompts, and has nothing of this job."""
        for picture in pictures:
            self._tray.forget(picture)
        self._notes.put_nowait(partial(self._write_turned_away, job_id))

    def left(self, picture: Picture) -> None:
        """A picture is of no interest any more; an engine with none rests."""
        self._tray.forget(picture)
        self._around.left(picture.prompt_id)
        if picture.courier is not None:
            picture.courier.left()
        self._notes.put_nowait(self._write_rest)

    def _fetched(self, fetching: asyncio.Future[Fetched | None]) -> None:
        self._fetching.discard(fetching)
        if not fetching.cancelled():
            fetching.exception()  # looked at here, told where the note is written

    async def close(self) -> None:
        """Lets go of what is being fetched."""
        for picture in self._tray.all():
            if picture.courier is not None:
                await picture.courier.close()
        for fetching in self._fetching:
            fetching.cancel()
        await asyncio.gather(*self._fetching, return_exceptions=True)

    async def run(self) -> None:
        """Writes, for ever."""
        while True:
            note = await self._notes.get()
            while not await self._stored(note):
                await self._clock.sleep(_STORE_PAUSE)

    async def _stored(self, note: Callable[[], Awaitable[None]]) -> bool:
        try:
            await note()
        except StorageError as error:
            log.error("A change could not be stored; it will be tried again: %s", error)
            return False
        return True

    async def _write_begun(self, picture: Picture) -> None:
        job = self._book.board.get(picture.job_id)
        if job is None or job.machine_id is None or picture.dropped:
            return  # taken back meanwhile: it is another machine's to begin
        writes: list[Awaitable[object]] = [self._around.occupied(job)]
        if job.state is JobState.QUEUED:
            after = running(job, picture.started_at or self._clock.now())
            writes.append(self._book.change(job, after, [EventType.JOB_RUNNING], haste=Haste.PATIENT))
        await asyncio.gather(*writes)  # they share a commit

    async def _write_stage(self, picture: Picture, stage: Stage) -> None:
        job = self._book.board.get(picture.job_id)
        if picture.sent is Sent.DONE:
            return  # overtaken: the picture waits to be fetched, and its result says more
        if job is not None and job.state is JobState.RUNNING and job.stage is not stage:
            await self._book.change(job, replace(job, stage=stage), [EventType.JOB_STAGE])

    async def _write_done(self, picture: Picture, finished_at: float, fetching: list[asyncio.Future[Fetched | None]]) -> None:
        """`fetching` holds the fetch that is under way; one that failed is not there when the note is written again."""
        try:
            fetched = await (fetching.pop() if fetching else self._fetch(picture))
            if picture.courier is not None:
                await self._collector.conclude(picture, picture.courier, finished_at)
            elif fetched is not None:
                await self._collector.announce(picture, fetched, finished_at)
        except Missed as error:
            log.warning("job %s: %s", picture.job_id, error)
            await self._write_interrupted(picture)
        except EngineUnreachable:
            log.warning("The engine went while its picture was being fetched")
            picture.sent = Sent.RUNNING
            self._engine_went()
        except EngineError as error:
            await self._write_failed(picture, JobError("engine_failed", str(error), _TELL_ADMIN))
        else:
            self._around.home(picture.prompt_id)
            self.left(picture)

    async def _write_turned_away(self, job_id: str) -> None:
        if (job := self._book.board.get(job_id)) is not None:
            await self._around.turned_away(job)
        await self._write_rest()

    async def _write_failed(self, picture: Picture, error: JobError) -> None:
        job = self._book.board.get(picture.job_id)
        if job is not None:
            log.info("job %s failed: %s", job.id, error.message)
            also = picture.courier.write if picture.courier is not None else None
            await self._book.change(job, failed(job, error, self._clock.now()), [EventType.JOB_FAILED], also=also)
            await self._dropped(job.id)
        self.left(picture)

    async def _write_starved(self, picture: Picture) -> None:
        """The job's other pictures go too: what is tried next is tried for all of them. Nothing loaded shall be in its way."""
        job = self._book.board.get(picture.job_id)
        if job is not None and picture.frugal == job.frugal:  # else an earlier picture has brought about the frugal try already
            await self._dropped(job.id)
            try:
                await self._client.free()
            except EngineError as error:
                log.warning("The engine's memory could not be freed: %s", error)
            await self._around.starved(job)
        self.left(picture)

    async def _write_interrupted(self, picture: Picture) -> None:
        job = self._book.board.get(picture.job_id)
        if job is not None:
            await self._dropped(job.id)
            await self._around.interrupted(job)
        self.left(picture)

    async def _write_rest(self) -> None:
        if not self._tray:
            await self._around.occupied(None)


def failure_told(error: EngineFailed) -> JobError:
    """What the artist is told when the engine failed at her picture."""
    if "No space left on device" in str(error):
        told = "The machine's disk is full, so the picture could not be saved there."
        return JobError("storage_full", told, "Tell your admin; the machine needs more room.")
    return JobError("engine_failed", for_artist(str(error)), _TELL_ADMIN)


def for_artist(message: str) -> str:
    """An engine's own words without the machine's folders, and not endless."""
    return _FOLDERS.sub("…/", message.strip())[:_LONGEST]


def refusal_told(error: EngineRefused) -> JobError:
    """What the artist is told when the engine would not take the graph."""
    kinds = {found.get("type") for node in error.node_errors.values() for found in node.get("errors", ())}
    words = for_artist(str(error))
    if "value_not_in_list" in kinds:
        return JobError("model_missing", f"The machine lacks a model of this style. {words}", "Choose another style.")
    return JobError("graph_refused", f"The engine refused this picture. {words}", "Choose another style, or tell your admin.")
