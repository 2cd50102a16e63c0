"""Keeps one engine at work: feeds it, follows it, brings its pictures home."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from wake_service.clock import Clock
from wake_service.comfy.client import EngineClient
from wake_service.comfy.events import (
    Executed,
    ExecutionError,
    ExecutionInterrupted,
    ExecutionStart,
    ExecutionSuccess,
    Preview,
    WireEvent,
)
from wake_service.comfy.progress import PromptProgress, Stage
from wake_service.comfy.reports import Outcome, failure
from wake_service.comfy.socket import EngineSocket
from wake_service.errors import EngineError, EngineFailed, EngineRefused, EngineUnreachable, StorageError
from wake_service.jobs.book import JobBook
from wake_service.jobs.collector import Collector
from wake_service.jobs.events import EventType
from wake_service.jobs.model import Job, JobError, JobState, failed, running
from wake_service.jobs.picture import Picture, Sent
from wake_service.jobs.recipe import Recipes, Unbuildable
from wake_service.jobs.telling import Telling

log = logging.getLogger(__name__)

#: Pictures in the engine's own queue: the one it works on and the next, so that it never waits for us.
DEPTH = 2
#: A broken connection to an engine that still runs is tried again for so long, in seconds; then the machine is given up.
RECONNECT_SECONDS = 15.0
_RECONNECT_PAUSE = 0.25
#: Seconds between tries to store what could not be stored (a full disk).
_STORE_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a runner needs from outside.

    `claim` gives it the next job (None: nothing to do, or it must not take more); `occupied` says for which job the machine
    works now, None when it rests; `unreachable` gives the machine up.
    """

    claim: Callable[[], Awaitable[tuple[Job, list[Picture]] | None]]
    occupied: Callable[[Job | None], Awaitable[None]]
    unreachable: Callable[[str], Awaitable[None]]
    finished: Callable[[Picture, float], None]


class Runner:
    """One engine's pictures, in the order they were sent. Everything it changes goes through the book, one after the other."""

    def __init__(
        self,
        client: EngineClient,
        book: JobBook,
        recipes: Recipes,
        collector: Collector,
        telling: Telling,
        clock: Clock,
        around: Surroundings,
        adopted: list[Picture],
    ) -> None:
        self._client = client
        self._book = book
        self._recipes = recipes
        self._collector = collector
        self._telling = telling
        self._clock = clock
        self._around = around
        self._pictures: dict[str, Picture] = {picture.prompt_id: picture for picture in adopted}
        self._to_send: deque[Picture] = deque()
        self._room = asyncio.Event()
        self._steps: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._connected = asyncio.Event()

    def start(self) -> None:
        """Begins to follow and feed the engine."""
        self._tasks = [asyncio.create_task(work()) for work in (self._follow, self._feed, self._record)]
        for task in self._tasks:
            task.add_done_callback(_log_failure)

    async def stop(self) -> None:
        """Lets go of the engine; what it holds stays claimed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    def poke(self) -> None:
        """There may be something to claim."""
        self._room.set()

    def first_started(self) -> Picture | None:
        """The picture the engine works on; if it has begun with none, the one it would have begun with."""
        at_engine = [picture for picture in self._pictures.values() if picture.at_engine]
        working = [picture for picture in at_engine if picture.sent is Sent.RUNNING]
        return next(iter(working or at_engine), None)

    async def cancel(self, job_id: str) -> None:
        """Takes a cancelled job's pictures from the engine."""
        mine = [picture for picture in self._pictures.values() if picture.job_id == job_id]
        self._to_send = deque(picture for picture in self._to_send if picture.job_id != job_id)
        for picture in mine:
            if picture.sent is Sent.NO:
                self._forget(picture)
        sent = [picture.prompt_id for picture in mine if picture.at_engine]
        try:
            if sent:
                await self._client.delete(sent)
            for prompt_id in sent:
                await self._client.interrupt(prompt_id)
            still = await self._client.queue() if sent else None
        except EngineError as error:
            log.warning("Cancelling at the engine failed, its answer will be ignored: %s", error)
            return
        for picture in mine:
            if still is not None and picture.prompt_id not in still:
                self._forget(picture)

    # -- following ------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        while await self._connect():
            try:
                async with self._socket as socket:
                    await self._reconcile()
                    self._connected.set()
                    self._room.set()
                    async for event in socket:
                        self._take(event)
            except EngineUnreachable as error:
                log.warning("Lost the connection to the engine: %s", error)
            except EngineError as error:
                log.error("The engine cannot be followed: %s", error)
            self._connected.clear()
            for picture in self._pictures.values():
                if picture.sent is Sent.QUEUED:
                    picture.sent = Sent.UNSURE
        await self._around.unreachable("The engine cannot be reached any more.")

    async def _connect(self) -> bool:
        """Whether the engine answers, after trying for a while."""
        deadline = self._clock.now() + RECONNECT_SECONDS
        while True:
            self._socket = EngineSocket(self._client, f"wakebrush-{self._book.owner}")
            try:
                await self._client.queue()
            except EngineError:
                if self._clock.now() >= deadline:
                    return False
                await self._clock.sleep(_RECONNECT_PAUSE)
            else:
                return True

    async def _reconcile(self) -> None:
        """Asks the engine what became of what was sent before this connection, before anything is sent again."""
        unsure = [picture for picture in self._pictures.values() if picture.sent in (Sent.UNSURE, Sent.RUNNING)]
        if not unsure:
            return
        queue = await self._client.queue()
        for picture in unsure:
            await self._attach_progress(picture)
            if picture.prompt_id in queue:
                picture.sent = Sent.QUEUED
                if picture.prompt_id in queue.running:
                    self._begin(picture)
                continue
            entry = await self._client.history(picture.prompt_id)
            if entry is None:
                picture.sent = Sent.NO
                self._to_send.append(picture)
            elif entry.status is Outcome.SUCCESS:
                picture.images = entry.images
                self._done(picture)
            else:
                interrupted = EngineFailed("The picture was stopped at the engine.")
                self._fail(picture, entry.error or interrupted)

    async def _attach_progress(self, picture: Picture) -> None:
        """An adopted picture's graph is built again, to know its nodes."""
        job = self._book.board.get(picture.job_id)
        if picture.progress is None and job is not None:
            try:
                picture.workflow = await self._recipes.make(job, picture.n)
            except (Unbuildable, StorageError) as error:
                log.warning("Progress of picture %s cannot be followed: %s", picture.prompt_id, error)
                return
            picture.progress = PromptProgress(picture.prompt_id, picture.workflow)

    def _take(self, event: WireEvent) -> None:
        picture = self._pictures.get(getattr(event, "prompt_id", None) or "")
        if picture is None:
            return
        match event:
            case Preview():
                self._telling.preview(picture, event)
            case ExecutionStart():
                self._begin(picture)
            case Executed(images=images):
                picture.images += images
            case ExecutionSuccess():
                self._done(picture)
            case ExecutionError():
                self._fail(picture, failure(event))
            case ExecutionInterrupted():
                self._fail(picture, EngineFailed("The picture was stopped at the engine."))
        self._advance(picture, event)

    def _advance(self, picture: Picture, event: WireEvent) -> None:
        progress = picture.progress
        if progress is None or picture.sent is not Sent.RUNNING:
            return
        before = (progress.stage, progress.step)
        if not progress.feed(event):
            return
        if progress.step != before[1]:
            picture.note_step(self._clock.now())
        if progress.stage is not before[0]:
            stage = progress.stage
            self._steps.put_nowait(lambda: self._say_stage(picture, stage))
        if (progress.stage, progress.step) != before:
            self._telling.progress(picture)

    def _begin(self, picture: Picture) -> None:
        if picture.sent is Sent.RUNNING:
            return
        picture.sent = Sent.RUNNING
        picture.started_at = picture.started_at or self._clock.now()
        self._steps.put_nowait(lambda: self._say_running(picture))

    def _done(self, picture: Picture) -> None:
        picture.sent = Sent.DONE
        self._room.set()
        now = self._clock.now()
        self._around.finished(picture, now)
        self._steps.put_nowait(lambda: self._collect(picture, now))

    def _fail(self, picture: Picture, error: EngineFailed) -> None:
        picture.sent = Sent.DONE
        self._room.set()
        self._steps.put_nowait(lambda: self._say_failed(picture, job_error(error)))

    # -- feeding --------------------------------------------------------------------------------------------------

    async def _feed(self) -> None:
        while True:
            await self._connected.wait()
            self._room.clear()
            try:
                while self._connected.is_set() and (picture := await self._next()) is not None:
                    await self._send(picture)
            except EngineUnreachable as error:
                log.warning("Sending failed: %s", error)
                self._socket_broken()
            await self._room.wait()

    def _socket_broken(self) -> None:
        """What was being sent is uncertain: the follower connects again and asks."""
        self._connected.clear()
        task = asyncio.create_task(self._socket.close())
        task.add_done_callback(_log_failure)

    async def _next(self) -> Picture | None:
        if sum(picture.at_engine for picture in self._pictures.values()) >= DEPTH:
            return None
        if not self._to_send:
            claimed = await self._around.claim()
            if claimed is None:
                return None
            for picture in claimed[1]:
                self._pictures[picture.prompt_id] = picture
                self._to_send.append(picture)
        return self._to_send.popleft() if self._to_send else None

    async def _send(self, picture: Picture) -> None:
        job = self._book.board.get(picture.job_id)
        if job is None:
            self._forget(picture)
            return
        try:
            picture.workflow = await self._recipes.make(job, picture.n)
            picture.progress = PromptProgress(picture.prompt_id, picture.workflow)
            picture.sent = Sent.UNSURE
            await self._client.submit(picture.prompt_id, picture.workflow.nodes, client_id=self._socket.client_id)
            if picture.sent is Sent.UNSURE:
                picture.sent = Sent.QUEUED
        except Unbuildable as error:
            self._refuse(picture, error.error)
        except EngineRefused as error:
            self._refuse(picture, refusal(error))
        except StorageError as error:
            hint = "Send it again from Krita."
            self._refuse(picture, JobError("storage_failed", f"The picture to start from cannot be read: {error}", hint))
        except EngineUnreachable:
            if picture.sent is Sent.NO:
                self._to_send.appendleft(picture)
            raise
        except EngineError as error:
            hint = "Try again; if it stays, tell your admin."
            self._refuse(picture, JobError("engine_failed", str(error), hint))

    def _refuse(self, picture: Picture, error: JobError) -> None:
        picture.sent = Sent.DONE
        self._steps.put_nowait(lambda: self._say_failed(picture, error))

    # -- recording: durable changes, strictly in order ---------------------------------------------------------------

    async def _record(self) -> None:
        while True:
            step = await self._steps.get()
            while not await self._stored(step):
                await self._clock.sleep(_STORE_PAUSE)

    async def _stored(self, step: Callable[[], Awaitable[None]]) -> bool:
        try:
            await step()
        except StorageError as error:
            log.error("A change could not be stored; it will be tried again: %s", error)
            return False
        return True

    async def _say_running(self, picture: Picture) -> None:
        job = self._book.board.get(picture.job_id)
        if job is None:
            return
        if job.state is JobState.QUEUED:
            await self._book.change(job, running(job, picture.started_at or self._clock.now()), [EventType.JOB_RUNNING])
        await self._around.occupied(job)

    async def _say_stage(self, picture: Picture, stage: Stage) -> None:
        job = self._book.board.get(picture.job_id)
        if job is not None and job.state is JobState.RUNNING and job.stage is not stage:
            await self._book.change(job, replace(job, stage=stage), [EventType.JOB_STAGE])

    async def _collect(self, picture: Picture, finished_at: float) -> None:
        try:
            await self._collector.collect(picture, finished_at, self._client)
        except EngineUnreachable:
            log.warning("The engine went while its picture was being fetched")
            picture.sent = Sent.RUNNING
            self._socket_broken()
            return
        except EngineError as error:
            hint = "Try again; if it stays, tell your admin."
            await self._say_failed(picture, JobError("engine_failed", str(error), hint))
            return
        await self._left(picture)

    async def _say_failed(self, picture: Picture, error: JobError) -> None:
        job = self._book.board.get(picture.job_id)
        if job is not None:
            log.info("job %s failed: %s", job.id, error.message)
            await self._book.change(job, failed(job, error, self._clock.now()), [EventType.JOB_FAILED])
            await self.cancel(job.id)
        await self._left(picture)

    async def _left(self, picture: Picture) -> None:
        self._forget(picture)
        if not self._pictures:
            await self._around.occupied(None)

    def _forget(self, picture: Picture) -> None:
        self._pictures.pop(picture.prompt_id, None)
        self._room.set()


def job_error(error: EngineFailed) -> JobError:
    """What the artist is told when the engine failed at her picture."""
    if error.out_of_memory:
        return JobError(
            "engine_out_of_memory",
            "The machine ran out of memory while painting this picture.",
            "Try a smaller region, or a style with a smaller model.",
        )
    return JobError("engine_failed", str(error), "Try again. If it happens with every picture, tell your admin.")


def refusal(error: EngineRefused) -> JobError:
    """What the artist is told when the engine would not take the graph."""
    if "value_not_in_list" in str(error.node_errors) or "not in list" in str(error):
        return JobError("model_missing", f"The machine lacks a model of this style: {error}", "Choose another style.")
    return JobError("graph_refused", f"The engine refused this picture: {error}", "Choose another style, or tell your admin.")


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("A runner's task ended", exc_info=error)
