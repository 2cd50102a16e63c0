"""The graphs that clients of the gateway bring: accepted as jobs, followed at their engine, told to their clients."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from cachetools import LRUCache
from sqlalchemy import Connection

from wake_service.accounts.tokens import Identity
from wake_service.background import Background
from wake_service.comfy.client import EngineClient
from wake_service.errors import EngineRefused, RequestError, StorageError
from wake_service.files import records as files
from wake_service.jobs import records as job_records
from wake_service.jobs.book import JobBook
from wake_service.jobs.courier import Courier
from wake_service.jobs.model import Face, Job, JobState, WorkflowRequest, running
from wake_service.jobs.submissions import Submissions, new_id
from wake_service.store.store import Transaction
from wake_service.workflows import endings, frames, records
from wake_service.workflows.courier import Passed, WorkflowCourier
from wake_service.workflows.intake import Intake, Packed
from wake_service.workflows.luggage import Depot, Luggage
from wake_service.workflows.model import GraphRefused, Submission, is_uuid
from wake_service.workflows.news import Follower, Latest, News, OutputNews, StateNews
from wake_service.workflows.sink import Sink
from wake_service.workflows.switchboard import KEPT_SECONDS, Switchboard

log = logging.getLogger(__name__)

#: How long a prompt that an engine gets at once waits for the engine's own verdict, in seconds.
VERDICT_SECONDS = 5.0
#: How long the engine's word on an interruption is waited for, in seconds: it comes at the next step.
INTERRUPTED_SECONDS = 10.0
_STORE_PAUSE = 2.0
#: Workflows of which it is known how far they were last; more than this many do not run at once.
_MOST_LATEST = 1024
#: Finished prompts that a history shows; ComfyUI keeps as many.
MOST_HISTORY = 10_000

Pair: TypeAlias = tuple[Job, records.Stored]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A graph that is durable. `number`: its place, as ComfyUI tells it. `created`: it was not one already. `node_errors`: the
    engine's, where it was awake and has spoken."""

    job: Job
    number: float
    created: bool
    node_errors: dict[str, Any]


class Workflows:
    """One per service. `cancel_job` ends a job, `make_way` takes back what comes later than a job (the dispatcher's)."""

    def __init__(self, depot: Depot, book: JobBook, submissions: Submissions) -> None:
        self._depot = depot
        self._book = book
        self._submissions = submissions
        self._intake = Intake(depot)
        self.uploads = depot.uploads
        self._background = Background(log)
        self._followers: dict[str, set[Follower]] = {}
        self._latest: LRUCache[str, Latest] = LRUCache(_MOST_LATEST)
        self._passed: dict[str, Passed] = {}
        self._at_work: dict[str, WorkflowCourier] = {}
        self._ending: set[WorkflowCourier] = set()
        self._verdicts: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self.switchboard = Switchboard(depot.clock.now)
        self.sink = Sink(depot.store, depot.clock)
        self.make_way: Callable[[Job], Awaitable[None]]
        self.cancel_job: Callable[[str, Callable[[Transaction], None] | None], Awaitable[Job | None]]
        depot.followed = lambda job_id: bool(self._followers.get(job_id))

    async def start(self) -> None:
        """Tells of ends that an earlier service could not tell of."""
        since = self._depot.clock.now() - KEPT_SECONDS
        for job_id in await self._depot.store.read(partial(records.untold, since=since)):
            job = await self._book.find(job_id)
            if job is not None:
                self._background.spawn(self._end(job, None))

    async def stop(self) -> None:
        """Lets all clients go."""
        self.switchboard.close()
        await self._background.cancel()
        await self.uploads.stop()

    # -- in ---------------------------------------------------------------------------------------------------------

    async def submit(self, who: Identity, pool: str, submission: Submission, *, wait: bool = False) -> Accepted:
        """Makes a job of a graph: durable when this returns. With `wait`, the verdict of an engine that gets it at once too.

        Raises GraphRefused, RequestError (`idempotency_conflict`), StorageError.
        """
        wanted = await self._intake.files_of(who.artist_id, pool, submission)
        job_id = submission.name if is_uuid(submission.name) and submission.name is not None else new_id()
        try:
            return await self._submit(who, pool, submission, wanted, job_id, wait)
        except RequestError as error:
            if error.code != "id_taken":
                raise
            return await self._submit(who, pool, submission, wanted, new_id(), wait)

    async def _submit(
        self, who: Identity, pool: str, submission: Submission, wanted: dict[str, str], job_id: str, wait: bool
    ) -> Accepted:
        place = self._book.place + 1  # the one it gets: nothing is awaited until then
        number = submission.number if submission.number is not None else float(-place if submission.front else place)
        request = WorkflowRequest(submission.face, submission.name or job_id, wanted, number, submission.targets)
        packed = self._intake.pack(job_id, who.artist_id, pool, submission, number)
        verdict: asyncio.Future[dict[str, Any]] | None = asyncio.get_running_loop().create_future() if wait else None

        def also(tx: Transaction, job: Job) -> None:
            records.add(tx, packed.stored)
            if submission.also is not None:
                submission.also(tx, job)
            tx.after_commit(partial(self._taken_in, packed, verdict))

        try:
            job = await self._submissions.submit(
                who, pool, request, submission.key, packed.digest, job_id=job_id, minted=submission.minted, also=also
            )
            created = job.place == place
            node_errors = await self._verdict(job, verdict) if verdict is not None and created else {}
        finally:
            if self._verdicts.get(job_id) is verdict:
                self._verdicts.pop(job_id, None)
        if created and (submission.front or submission.number is not None):
            await self.make_way(job)
        return Accepted(job, number if created else await self._number(job), created, node_errors)

    def _taken_in(self, packed: Packed, verdict: asyncio.Future[dict[str, Any]] | None) -> None:
        """It is durable, and no engine was given it yet."""
        job_id = packed.stored.job_id
        self._depot.fresh[job_id] = packed.stored
        if packed.secrets:
            self._depot.secrets[job_id] = packed.secrets
        if verdict is not None:
            self._verdicts[job_id] = verdict

    async def _verdict(self, job: Job, verdict: asyncio.Future[dict[str, Any]]) -> dict[str, Any]:
        """The engine's, where one has the job at once. Raises GraphRefused."""
        if job.machine_id is None:
            return {}
        try:
            async with asyncio.timeout(VERDICT_SECONDS):
                return await verdict
        except TimeoutError:
            return {}
        except EngineRefused as refused:
            raise GraphRefused.of(refused.error, refused.node_errors) from refused

    async def _number(self, job: Job) -> float:
        stored = await self._depot.store.read(partial(records.load, job_id=job.id))
        return stored.number if stored is not None else float(job.place)

    # -- at the engine (jobs.courier.Couriers) ------------------------------------------------------------------------

    def courier(self, job: Job, prompt_id: str, client: EngineClient) -> Courier:
        """Follows a prompt of a job at an engine."""
        passed = self._passed.setdefault(job.id, Passed())
        tell, decided = partial(self.tell, job.id), partial(self._decided, job.id)
        luggage = Luggage(self._depot, client, job.pool)
        publish, before = partial(self.switchboard.publish, job.artist_id), partial(self._ends_before, client)
        begun = partial(self._tell_status, job.artist_id)  # as ComfyUI does when it takes a prompt off its queue
        courier = WorkflowCourier(job, prompt_id, luggage, passed, publish, tell, decided, before, begun)
        self._at_work[job.id] = courier
        return courier

    def _ends_before(self, client: EngineClient) -> list[asyncio.Event]:
        """Prompts that this engine has ended and whose clients are not told yet: one comes after the other, there and here."""
        ending = [courier for courier in (*self._at_work.values(), *self._ending) if courier.client is client]
        return [courier.told for courier in ending if courier.ended.is_set() and not courier.told.is_set()]

    def _decided(self, job_id: str, verdict: dict[str, Any] | EngineRefused) -> bool:
        """Whether somebody waits for the verdict, and takes it."""
        waiting = self._verdicts.get(job_id)
        if waiting is None or waiting.done():
            return False
        if isinstance(verdict, EngineRefused):
            waiting.set_exception(verdict)
        else:
            waiting.set_result(verdict)
        return True

    # -- out --------------------------------------------------------------------------------------------------------

    def changed(self, job: Job) -> None:
        """A job has changed, durably."""
        if not job.is_workflow:
            return
        self.tell(job.id, StateNews(job))
        if job.version == 0:
            self._tell_status(job.artist_id)
        if not job.unfinished:
            if job.request.face is Face.EAS:
                self.sink.ring(job.artist_id)
            courier = self._at_work.pop(job.id, None)
            if courier is not None:
                self._ending.add(courier)
            self._depot.secrets.pop(job.id, None)
            self._depot.fresh.pop(job.id, None)
            self._background.spawn(self._end(job, courier))

    async def _end(self, job: Job, courier: WorkflowCourier | None) -> None:
        try:
            await self._tell_end(job, courier)
        finally:
            if courier is not None:
                self._ending.discard(courier)
                courier.told.set()
                await courier.close()

    async def _tell_end(self, job: Job, courier: WorkflowCourier | None) -> None:
        """The last frames of a job, and that they were sent."""
        begun = self._passed.pop(job.id, Passed()).begun or job.started_at is not None
        if courier is not None and courier.answered:
            return self._tell_status(job.artist_id)
        if job.state is JobState.CANCELLED and courier is not None and begun:
            await self._interruption(job, courier)
        while True:
            try:
                stored = await self._depot.store.read(partial(records.load, job_id=job.id))
                break
            except StorageError as error:
                log.error("job %s: its end could not be read and told: %s", job.id, error)
                await self._depot.clock.sleep(_STORE_PAUSE)
        if stored is None:
            return
        last = endings.message(job, stored, courier.refusal if courier else None, begun=begun)
        last = last if stored.client_id is not None else None
        if last is not None:
            self.switchboard.publish(job.artist_id, stored.client_id, frames.message(*last, result=True))
        self._tell_status(job.artist_id)
        if last is not None:
            name = job.request.name if isinstance(job.request, WorkflowRequest) else job.id
            end = frames.message("executing", {"node": None, "prompt_id": name}, result=True)
            self.switchboard.publish(job.artist_id, stored.client_id, end)
        await self._depot.store.write(partial(records.change, job_id=job.id, told=True))

    async def _interruption(self, job: Job, courier: WorkflowCourier) -> None:
        """The engine's own word on where it stopped, where it comes in time."""
        try:
            async with asyncio.timeout(INTERRUPTED_SECONDS):
                await courier.ended.wait()
        except TimeoutError:
            log.info("job %s: the engine has not said where it stopped", job.id)
        await self._depot.store.write(courier.write)

    def _tell_status(self, artist_id: str) -> None:
        self.switchboard.broadcast(artist_id, frames.status(self.remaining(artist_id)))

    def remaining(self, artist_id: str) -> int:
        """How many of an artist's workflows are not finished."""
        return sum(job.is_workflow for job in self._book.board.of_artist(artist_id))

    # -- followers --------------------------------------------------------------------------------------------------

    def tell(self, job_id: str, news: News) -> None:
        """Tells those who follow a job, and notes it for those who ask."""
        self._latest.setdefault(job_id, Latest()).note(news)
        for follower in self._followers.get(job_id, ()):
            follower.put(news)

    def latest(self, job_id: str) -> Latest:
        """What was said last of how far a job is."""
        return self._latest.get(job_id) or Latest()

    @asynccontextmanager
    async def follow(self, job_id: str) -> AsyncIterator[Follower]:
        """News of a job from now on, after what is known of it: its state, and the results that are stored."""
        follower = Follower()
        self._followers.setdefault(job_id, set()).add(follower)
        try:
            for file in await self._depot.store.read(partial(files.of_job, job_id=job_id)):
                follower.put(OutputNews(file))
            job = await self._book.find(job_id)
            if job is not None:
                follower.put(StateNews(job))
            yield follower
        finally:
            self._followers[job_id].discard(follower)
            if not self._followers[job_id]:
                del self._followers[job_id]

    # -- by their artists -------------------------------------------------------------------------------------------

    async def find(self, artist_id: str, key: str) -> Job | None:
        """An artist's job by the key it was submitted with."""
        return await self._depot.store.read(partial(job_records.named, artist_id=artist_id, key=key))

    def unfinished(self, artist_id: str) -> list[Job]:
        """An artist's workflows that are not finished, in the order in which they will run."""
        mine = [self._as_told(job) for job in self._book.board.of_artist(artist_id) if job.is_workflow]
        return sorted(mine, key=_turn)

    def _as_told(self, job: Job) -> Job:
        """What clients were told has begun runs, although that may not be durable yet, or it waits for another machine."""
        passed = self._passed.get(job.id)
        begun = passed is not None and passed.begun and job.state is JobState.QUEUED
        return running(job, self._depot.clock.now()) if begun else job

    @staticmethod
    def name_of(job: Job) -> str:
        """What a job's client calls it."""
        return endings.name_of(job)

    def running_node(self, artist_id: str, client_id: str) -> str | None:
        """Which node runs now of a prompt of this client; None when none does."""
        for job in self.unfinished(artist_id):
            courier = self._at_work.get(job.id)
            if courier is not None and courier.client_id == client_id and courier.node is not None:
                return courier.node
        return None

    async def with_stored(self, jobs: Sequence[Job]) -> list[Pair]:
        """Jobs with their graphs; one whose graph is gone is left out."""
        if not jobs:
            return []
        found = await self._depot.store.read(partial(records.load_all, job_ids=[job.id for job in jobs]))
        return [(job, found[job.id]) for job in jobs if job.id in found]

    async def history(self, artist_id: str, limit: int | None, offset: int) -> list[Pair]:
        """What is finished and not hidden, oldest first: the last `limit`, or `limit` from `offset` on."""

        def read(conn: Connection) -> list[Job]:
            ids = records.finished(conn, artist_id, limit=min(limit or MOST_HISTORY, MOST_HISTORY), offset=offset)
            return job_records.load_many(conn, ids)

        return await self.with_stored(await self._depot.store.read(read))

    async def everything(self, artist_id: str) -> list[Pair]:
        """The history, and what is not finished."""
        return [*await self.history(artist_id, None, -1), *await self.with_stored(self.unfinished(artist_id))]

    async def named(self, artist_id: str, name: str) -> Pair | None:
        """The workflow that an artist's client, by whatever face, calls so; hidden ones are gone."""

        def read(conn: Connection) -> Job | None:
            job = job_records.named(conn, artist_id, f"{Face.COMFY}:{name}")
            return job or job_records.load(conn, name)

        job = await self._depot.store.read(read)
        if job is None or job.artist_id != artist_id or not job.is_workflow:
            return None
        if not job.unfinished and await self._depot.store.read(partial(records.is_hidden, job_id=job.id)):
            return None
        present = self._book.board.get(job.id)
        pairs = await self.with_stored([job if present is None else self._as_told(present)])
        return pairs[0] if pairs else None

    async def ended(self, artist_id: str, name: str) -> Pair | None:
        """The same, once it is finished."""
        found = await self.named(artist_id, name)
        return None if found is None or found[0].unfinished else found

    async def hide(self, artist_id: str, names: Sequence[str] | None) -> None:
        """Takes finished workflows out of the history; None: all."""
        ids = None
        if names is not None:
            found = [await self.named(artist_id, name) for name in names]
            ids = [pair[0].id for pair in found if pair is not None]
        await self._depot.store.write(partial(records.hide, artist_id=artist_id, job_ids=ids))

    async def cancel(self, jobs: Sequence[Job]) -> bool:
        """Ends jobs on their artist's word; whether one was ended."""
        ended = False
        for job in jobs:
            interruption = endings.interruption(job, self._depot.clock.now())
            passed = self._passed.get(job.id, Passed())
            begun = passed.begun or job.started_at is not None
            passed_messages = [*passed.messages, list(interruption)] if begun else passed.messages

            also = partial(records.change, job_id=job.id, messages=passed_messages, hidden=not begun)

            before = job.unfinished
            after = await self.cancel_job(job.id, also)
            ended = ended or (before and after is not None and after.state is JobState.CANCELLED)
        return ended


def _turn(job: Job) -> tuple[bool, float, int]:
    order = job.request.order if isinstance(job.request, WorkflowRequest) else 0.0
    return job.state is not JobState.RUNNING, order, job.place
