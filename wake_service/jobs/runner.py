"""Keeps one engine at work: feeds it, and follows what it does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from wake_service.background import Background
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
from wake_service.comfy.progress import PromptProgress
from wake_service.comfy.reports import Outcome, QueueState, failure
from wake_service.comfy.socket import EngineSocket, Heard
from wake_service.errors import EngineDraining, EngineError, EngineFailed, EngineRefused, EngineUnreachable, StorageError
from wake_service.jobs.book import JobBook
from wake_service.jobs.collector import Collector
from wake_service.jobs.courier import Courier, Couriers
from wake_service.jobs.model import Job, JobError
from wake_service.jobs.picture import Picture, Sent, Tray
from wake_service.jobs.recipe import Recipes, Unbuildable
from wake_service.jobs.recorder import Recorder, failure_told, refusal_told
from wake_service.jobs.surroundings import Surroundings
from wake_service.jobs.telling import Telling
from wake_service.jobs.withdrawal import Withdrawal

log = logging.getLogger(__name__)

#: Pictures in the engine's own queue: the one it works on and the next, so that it never waits for us.
DEPTH = 2
#: A broken connection to an engine that still runs is tried again for so long, in seconds; then the machine is given up.
RECONNECT_SECONDS = 15.0
_RECONNECT_PAUSE = 0.25
#: An engine that has work and has said nothing for so long is asked: it may have taken us off its list of listeners
#: (when a dead connection of ours ends late, it unregisters the living one). Many steps take longer than this; asking is cheap.
SILENCE_SECONDS = 30.0
#: A machine that takes no new prompts is asked again when it said, twice as late each time, at the latest after so many seconds.
LONGEST_REFUSAL = 60.0


class Runner:
    """One engine's pictures, from the claim until they are home."""

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
        couriers: Couriers,
    ) -> None:
        self.client = client
        self._book = book
        self._recipes = recipes
        self._couriers = couriers
        self._telling = telling
        self._clock = clock
        self._around = around
        self._tray = Tray(adopted)
        self._recorder = Recorder(client, book, collector, clock, self._tray, around, self._hang_up, self.cancel)
        self._room = asyncio.Event()
        self._connected = asyncio.Event()
        self._socket = self._new_socket()
        self._background = Background(log)
        self._withdrawal = Withdrawal(client, self._tray, self._recorder, clock, self._background, around.unreachable)
        self._heard_at = clock.now()
        self._reserved = 0
        self._shut_until = float("-inf")
        self._refusals = 0

    def start(self) -> None:
        """Begins to follow and feed the engine."""
        for work in (self._follow(), self._feed(), self._recorder.run(), self._break_silence()):
            self._background.spawn(work)

    async def stop(self) -> None:
        """Lets go of the engine; what it holds stays claimed. May come from a task of its own: giving the machine up does."""
        try:
            await self._background.cancel()
            await self._recorder.close()
        finally:
            await self.client.close()

    def poke(self) -> None:
        """There may be something to claim."""
        self._room.set()

    def reserve(self) -> bool:
        """Keeps a place for pictures that will be given; False when there is none."""
        if not self.has_room or self._tray.has_more_to_send:
            return False
        self._reserved += 1
        return True

    def release(self) -> None:
        """The place is not needed after all."""
        self._reserved -= 1
        self._room.set()

    def give(self, pictures: list[Picture]) -> None:
        """Pictures for a place that was kept."""
        self._tray.add(pictures)
        self.release()

    @property
    def held(self) -> int:
        """Pictures that are not home yet, those included that are about to come."""
        return len(self._tray) + self._reserved

    @property
    def has_room(self) -> bool:
        """Whether it would take another picture now."""
        return self._connected.is_set() and not self._shut and self._taken() < DEPTH

    def holds(self, prompt_id: str) -> bool:
        """Whether the picture is this runner's to bring home."""
        return self._tray.get(prompt_id) is not None

    def works_for(self, job_id: str) -> bool:
        """Whether any of a job's pictures is this runner's to bring home."""
        return any(picture.job_id == job_id for picture in self._tray.all())

    def first_started(self) -> Picture | None:
        """The picture the engine works on, or would have begun with."""
        return self._tray.first_started()

    async def make_way(self, comes_later: Callable[[str], bool]) -> None:
        """Takes back pictures that the engine has not begun with, of jobs of which it is said that they come later now."""
        await self._withdrawal.make_way(comes_later)
        self._room.set()

    async def cancel(self, job_id: str) -> None:
        """Takes the pictures of a job that has ended from the engine. What it sends of them still is not used."""
        if await self._withdrawal.cancel(job_id):
            self._room.set()

    # -- following ------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        broken_since = self._clock.now()
        while self._clock.now() - broken_since < RECONNECT_SECONDS:
            self._socket = self._new_socket()
            stood = False
            try:
                async with self._socket as socket:
                    await self._reconcile()
                    stood = True
                    self._connected.set()
                    self._room.set()
                    async for heard in socket.heard():
                        self._heard_at = self._clock.now()
                        self._take(heard)
            except EngineError as error:
                log.warning("The connection to the engine: %s", error)
            if stood:
                broken_since = self._clock.now()
            self._connected.clear()
            self._tray.connection_broke()
            await self._clock.sleep(_RECONNECT_PAUSE)
        await self._around.unreachable("The engine cannot be reached any more.")

    async def _break_silence(self) -> None:
        """The backstop: when something has left the engine's queue unheard, the follower connects again and looks it up."""
        while True:
            await self._clock.sleep(SILENCE_SECONDS)
            if not self._connected.is_set() or self._clock.now() - self._heard_at < SILENCE_SECONDS:
                continue
            try:
                queue = await self.client.queue()
            except EngineError as error:
                log.warning("The engine is silent and does not answer: %s", error)
                self._hang_up()
                continue
            if any(picture.prompt_id not in queue for picture in self._tray.at_engine() if picture.sent is not Sent.UNSURE):
                log.warning("The engine has ended a picture without telling us")
                self._hang_up()

    def _new_socket(self) -> EngineSocket:
        return EngineSocket(self.client, self._around.client_id)

    def _hang_up(self) -> None:
        """What was being sent or fetched is uncertain: the follower connects again and asks."""
        self._connected.clear()
        self._background.spawn(self._socket.close())

    async def _reconcile(self) -> None:
        """Asks the engine what became of what was sent before this connection, before anything is sent again."""
        unsure = [picture for picture in self._tray.at_engine() if picture.sent is not Sent.QUEUED]
        if not unsure:
            return
        queue = await self.client.queue()
        for picture in unsure:
            await self._find_again(picture, queue)

    async def _find_again(self, picture: Picture, queue: QueueState) -> None:
        if picture.progress is None and picture.courier is None:
            await self._prepare(picture)
            if picture.courier is not None:
                picture.courier.missed()  # what was said of it before, an earlier service has heard, or nobody
        if picture.prompt_id in queue:
            picture.sent = Sent.QUEUED
            if picture.prompt_id in queue.running:
                self._begin(picture)
            return
        entry = await self.client.history(picture.prompt_id)
        if entry is None and picture.sent is Sent.RUNNING:
            self._interrupted(picture)  # the engine was started anew: what it worked on may have been why
        elif entry is None:
            self._tray.send_again(picture)
        elif entry.status is Outcome.SUCCESS:
            picture.images = entry.images
            self._done(picture)
        elif entry.error is not None:
            self._fail(picture, entry.error)
        else:
            self._interrupted(picture)

    def _take(self, heard: Heard) -> None:
        picture, event = self._tray.get(heard.prompt_id), heard.event
        if picture is None:
            return
        if picture.courier is not None:
            picture.courier.heard(event, heard.raw)
        match event:
            case Preview() if picture.courier is not None:
                return
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
                self._interrupted(picture)
        self._advance(picture, event)

    def _advance(self, picture: Picture, event: WireEvent) -> None:
        progress = picture.progress
        if progress is None or picture.sent is not Sent.RUNNING:
            return
        stage, step = progress.stage, progress.step
        if not progress.feed(event) or (progress.stage, progress.step) == (stage, step):
            return
        if progress.step != step:
            picture.step_times.append(self._clock.now())
        if progress.stage is not stage:
            self._recorder.stage(picture, progress.stage)
        self._telling.progress(picture)

    def _begin(self, picture: Picture) -> None:
        if picture.sent is not Sent.RUNNING:
            picture.sent = Sent.RUNNING
            picture.started_at = picture.started_at or self._clock.now()
            self._recorder.begun(picture)

    def _done(self, picture: Picture) -> None:
        picture.sent = Sent.DONE
        self._room.set()
        now = self._clock.now()
        self._around.finished(picture, now)
        self._recorder.done(picture, now)

    def _fail(self, picture: Picture, error: EngineFailed) -> None:
        if picture.dropped or (error.out_of_memory and picture.courier is None):
            self._end(picture, self._recorder.left if picture.dropped else self._recorder.starved)
        else:
            self._give_up(picture, failure_told(error))

    def _interrupted(self, picture: Picture) -> None:
        self._end(picture, self._recorder.left if picture.dropped else self._recorder.interrupted)

    def _end(self, picture: Picture, note: Callable[[Picture], None]) -> None:
        """The engine is done with a picture and leaves none."""
        picture.sent = Sent.DONE
        self._room.set()
        note(picture)

    def _give_up(self, picture: Picture, error: JobError) -> None:
        self._end(picture, partial(self._recorder.failed, error=error))

    # -- feeding --------------------------------------------------------------------------------------------------

    async def _feed(self) -> None:
        while True:
            await self._connected.wait()
            self._room.clear()
            while self._connected.is_set() and (picture := await self._next()) is not None:
                await self._send(picture)
            await self._room.wait()

    @property
    def _shut(self) -> bool:
        return self._clock.now() < self._shut_until

    async def _next(self) -> Picture | None:
        if self._shut:
            return None
        picture = self._tray.next_to_send() if len(self._tray.at_engine()) < DEPTH else None
        if picture is None and self._taken() < DEPTH and (claimed := await self._around.claim()) is not None:
            self._tray.add(claimed[1])
            picture = self._tray.next_to_send()
        return picture

    def _taken(self) -> int:
        return len(self._tray.at_engine()) + self._reserved

    async def _send(self, picture: Picture) -> None:
        try:
            graph = await self._prepare(picture)
            if graph is None:
                return
            picture.sent = Sent.UNSURE
            await self._submit(picture, graph)
            if picture.sent is Sent.UNSURE:
                picture.sent = Sent.QUEUED
            self._refusals = 0
        except EngineDraining as closed:
            self._turn_away(picture, closed)
        except EngineRefused as error:
            if picture.courier is not None:
                picture.courier.refused(error)
                self._give_up(picture, refusal_told(error))
            elif self._recipes.distrust():
                log.warning("The engine refused a picture whose inputs were delivered while it booted; they are sent again")
                self._tray.send_again(picture)
            else:
                self._give_up(picture, refusal_told(error))
        except EngineUnreachable as error:
            log.warning("Sending failed: %s", error)
            if picture.sent is Sent.NO:
                self._tray.send_again(picture)
            self._hang_up()
        except EngineError as error:
            self._give_up(picture, failure_told(EngineFailed(str(error))))

    async def _submit(self, picture: Picture, graph: dict[str, Any]) -> None:
        courier, client_id = picture.courier, self._socket.client_id
        if courier is None:
            await self.client.submit(picture.prompt_id, graph, client_id=client_id)
        else:
            courier.accepted(await self.client.submit(picture.prompt_id, graph, client_id=client_id, extra=courier.extra()))

    def _turn_away(self, picture: Picture, closed: EngineDraining) -> None:
        """What was not sent is for another machine, except of jobs that this one still paints: their pictures wait for that."""
        log.info("job %s: %s", picture.job_id, closed)
        seconds = min(LONGEST_REFUSAL, closed.retry_after * 2**self._refusals)
        self._refusals += 1
        self._shut_until = self._clock.now() + seconds
        self._tray.send_again(picture)
        for job_id in self._tray.unsent_jobs():
            self._recorder.turned_away(job_id, self._tray.of_job(job_id))
        self._background.spawn(self._knock(seconds))

    async def _knock(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._room.set()

    async def _prepare(self, picture: Picture) -> dict[str, Any] | None:
        """The picture's graph, with its inputs at the engine; None when there will be none (which is then recorded)."""
        job = self._book.board.get(picture.job_id)
        if job is None:
            self._recorder.left(picture)
            return None
        try:
            if job.is_workflow:
                return await self._courier_of(picture, job).graph()
            workflow = await self._recipes.make(job, picture.n, frugal=picture.frugal)
        except Unbuildable as error:
            self._give_up(picture, error.error)
            return None
        except StorageError as error:
            told = f"The picture to start from cannot be read. {error}"
            self._give_up(picture, JobError("storage_failed", told, "Send it again from Krita."))
            return None
        picture.progress = PromptProgress(picture.prompt_id, workflow)
        return dict(workflow.nodes)

    def _courier_of(self, picture: Picture, job: Job) -> Courier:
        if picture.courier is None:
            picture.courier = self._couriers(job, picture.prompt_id, self.client)
        return picture.courier
