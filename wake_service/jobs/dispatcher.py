"""Gives jobs to machines, and takes them back when a machine goes."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from wake_service.background import Background, to_the_end
from wake_service.blobs.base import BlobStore
from wake_service.blobs.shelf import Shelf
from wake_service.clock import Clock
from wake_service.comfy.client import EngineClient
from wake_service.comfy.request import Style
from wake_service.errors import StorageError
from wake_service.jobs import records
from wake_service.jobs.book import CLAIM_SECONDS, JobBook
from wake_service.jobs.collector import Collector
from wake_service.jobs.courier import Couriers
from wake_service.jobs.events import EventType
from wake_service.jobs.floor import Floor, Machine
from wake_service.jobs.kept import KeptResults
from wake_service.jobs.model import Claim, Job, JobState, WaitingFor, cancelled, claimed, lost, released
from wake_service.jobs.offer import Offer
from wake_service.jobs.pace import effort_of
from wake_service.jobs.picture import Picture, Sent
from wake_service.jobs.preparation import Hands, Preparation
from wake_service.jobs.recipe import Recipes
from wake_service.jobs.runner import Runner
from wake_service.jobs.surroundings import Surroundings
from wake_service.jobs.telling import Telling
from wake_service.jobs.tenancy import Tenancy, Write
from wake_service.jobs.thrift import Memory, starved
from wake_service.jobs.turns import HandOver, Post
from wake_service.store.store import Store, Transaction

log = logging.getLogger(__name__)


class Dispatcher:
    """One runner per machine that is up."""

    def __init__(
        self,
        store: Store,
        book: JobBook,
        blobs: BlobStore,
        shelf: Shelf,
        telling: Telling,
        clock: Clock,
        style: Callable[[str], Style | None],
        floor: Floor,
        max_pixels: int,
        couriers: Couriers,
        tenancy: Tenancy,
    ) -> None:
        self._store = store
        self._book = book
        self._blobs = blobs
        self._shelf = shelf
        self._telling = telling
        self._clock = clock
        self._style = style
        self._floor = floor
        self._max_pixels = max_pixels
        self._couriers = couriers
        self.tenancy = tenancy
        self._runners: dict[str, Runner] = {}
        self._machines: dict[str, Machine] = {}
        self._coming_and_going: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._being_claimed: set[str] = set()
        self._astray: dict[str, Claim | None] = {}
        self._background = Background(log)
        self._renewing: asyncio.Task[None] | None = None
        self.on_attached: Callable[[], None] = lambda: None
        self._preparation = Preparation(blobs, clock, style)
        collector = Collector(book, shelf, clock, max_pixels, price_micros_per_hour=0)  # when it was begun is not known
        self.kept = KeptResults(store, book, collector, clock, self._at_work, self._superseded)

    def start(self) -> None:
        """Begins to renew this service's claims."""
        self._renewing = asyncio.create_task(self._renew_forever())

    async def stop(self) -> None:
        """Lets go of all engines; their jobs stay claimed, and are found again by the next service."""
        if self._renewing is not None:
            self._renewing.cancel()
        await self._background.cancel()
        await self.kept.stop()
        await asyncio.gather(*(runner.stop() for runner in self._runners.values()))
        self._runners.clear()

    async def attach(self, machine: Machine, client: EngineClient) -> None:
        """Puts a machine to work, beginning with what it was given in this life of it and has not brought home.

        What comes and goes of one machine does so in order: an engine that is lost while it is attached is detached afterwards.
        """
        async with self._coming_and_going[machine.id]:
            await self._dismiss(machine.id)
            await self._employ(machine, client)
        self.on_attached()

    async def _employ(self, machine: Machine, client: EngineClient) -> None:
        adopted = await self._adopt(machine)
        around = Surroundings(
            client_id=f"wakebrush-{machine.id}-{machine.boot}",
            claim=partial(self._claim, machine),
            occupied=partial(self._floor.occupied, machine.id),
            unreachable=partial(self._floor.unreachable, machine.id),
            finished=self._measure,
            interrupted=self._take_back,
            starved=self._starve_gpu,
            turned_away=self._turn_away,
            home=partial(self.kept.stored, machine.id),
            left=partial(self.kept.left, machine.id),
        )
        given = self._preparation.of(machine.id, machine.boot).inputs
        recipes = Recipes(client, self._blobs, self._style, partial(self._floor.catalogue, machine.pool), given)
        collector = Collector(self._book, self._shelf, self._clock, self._max_pixels, machine.price_micros_per_hour)
        runner = Runner(client, self._book, recipes, collector, self._telling, self._clock, around, adopted, self._couriers)
        self._runners[machine.id], self._machines[machine.id] = runner, machine
        self.tenancy.arrived(machine.id)
        runner.start()

    async def prepare(self, machine: Machine, hands: Hands) -> None:
        """Gives a machine that still boots what the first waiting jobs will need."""

        def wanted() -> list[Job]:
            return list(filter(self._floor.may_spend_each(), self._book.board.waiting(machine.pool)))

        def may_give(job: Job) -> bool:
            return self.tenancy.open_to(machine.id, job.artist_id)

        await self._preparation.prepare(machine.id, machine.boot, wanted, hands, may_give)

    async def handed_over(self, machine_id: str, *, wiped: bool) -> None:
        """A machine was wiped for another artist, or could not be: then it is tried again after a pause."""
        self._preparation.forget(machine_id)
        if wiped:
            return await self.tenancy.wiped(machine_id)
        pause = self.tenancy.failed(machine_id)
        self._background.spawn(self._knock(pause))

    async def _knock(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self.poke()

    async def detach(self, machine_id: str, reason: str | None, *, blame: bool = True, memory: bool = False) -> None:
        """Takes a machine out of work. With a `reason` it was lost: its jobs are queued again, or fail after too many tries.

        Without `blame` none of them is held to be the cause. `memory`: what it worked on needed more memory than it has.
        """
        async with self._coming_and_going[machine_id]:
            guilty = await self._dismiss(machine_id)
            if reason is not None:
                await self._give_back(machine_id, reason, guilty, blame=blame, memory=memory)

    async def _dismiss(self, machine_id: str) -> Picture | None:
        """Stops a machine's runner, if it has one; what its engine had begun with."""
        runner = self._runners.pop(machine_id, None)
        self._machines.pop(machine_id, None)
        guilty = runner.first_started() if runner else None
        if runner is not None:
            await runner.stop()
        return guilty

    def poke(self) -> None:
        """There may be something to claim."""
        for runner in self._runners.values():
            runner.poke()

    async def make_way(self, job: Job) -> None:
        """A job comes before others of its artist: what an engine has of those and has not begun with waits again."""

        def comes_later(job_id: str) -> bool:
            other = self._book.board.get(job_id)
            if other is None or other.artist_id != job.artist_id or other.is_workflow != job.is_workflow:
                return False
            return other.state is JobState.QUEUED and other.order > job.order

        if job.machine_id is None:
            await asyncio.gather(*(runner.make_way(comes_later) for runner in list(self._runners.values())))

    def engine(self, pool: str, artist_id: str | None = None) -> EngineClient | None:
        """The engine of a machine of the pool that is up, and that an artist may reach if one is given."""
        there = [machine.id for machine in self._machines.values() if machine.pool == pool]
        mine = [id for id in there if artist_id is None or self.tenancy.open_to(id, artist_id)]
        return self._runners[mine[0]].client if mine else None

    async def cancel(self, job_id: str, also: Callable[[Transaction], None] | None = None) -> Job | None:
        """Ends a job because its artist said so; a finished one is returned as it is. `also` is written with it."""
        while (job := await self._book.find(job_id)) is not None and job.unfinished:
            changed = await self._book.change(job, cancelled(job, self._clock.now()), [EventType.JOB_CANCELLED], also=also)
            if changed is not None:
                runner = self._runners.get(job.machine_id or "")
                if runner is not None:
                    await runner.cancel(job_id)
                return changed
        return job

    def offer(self, job: Job) -> Offer | None:
        """A place for a job that is about to be written down, where nobody waits before it."""
        hers = sorted(self._runners, key=lambda machine_id: self.tenancy.of(machine_id) != job.artist_id)
        for machine_id in hers:
            machine, runner = self._machines[machine_id], self._runners[machine_id]
            if machine.pool != job.pool or not self._floor.accepts(machine_id) or not self._floor.may_spend(job):
                continue
            if not self.tenancy.takes(machine_id, job.artist_id):
                continue
            if self._book.board.first_waiting(job.pool, self._claimable()) is None and runner.reserve():
                pictures = self._pictures(job)
                offered = claimed(job, machine_id, self._book.new_claim())
                accept = partial(self._offer_accepted, offered, machine_id, runner, pictures)
                rows, moving = self._prompt_rows(machine, pictures), self.tenancy.move_in(machine_id, job.artist_id)
                return Offer(offered, rows, accept, runner.release, moving)
        return None

    async def _offer_accepted(self, job: Job, machine_id: str, runner: Runner, pictures: list[Picture]) -> None:
        if self._runners.get(machine_id) is runner:
            runner.give(pictures)
            return
        try:  # the machine went while the job was written down
            await self._requeue(job, "The machine was stopped.", blame=False)
        except StorageError as error:
            log.error("job %s goes to another machine later: %s", job.id, error)  # as a stray

    async def release_strays(self, awake: Collection[str]) -> None:
        """Gives back what was claimed for machines that are not awake any more (the service ended before their loss)."""
        for machine_id in {job.machine_id for job in self._book.board if job.machine_id}.difference(awake):
            await self._give_back(machine_id, "The machine was stopped.", None)

    async def _adopt(self, machine: Machine) -> list[Picture]:
        rows = await self._store.read(lambda conn: records.prompts_of(conn, machine.id))
        pictures = []
        for row in rows:
            job = self._book.board.get(row.job_id)
            if job is None or job.machine_id != machine.id:
                continue  # it was taken back while this was read
            if row.boot == machine.boot and row.picture in job.missing():
                pictures.append(Picture(job.id, row.picture, row.prompt_id, job.frugal, Sent.UNSURE))
        known = {picture.job_id for picture in pictures}
        for job in self._book.board.on_machine(machine.id):
            if job.id not in known:
                await self._requeue(job, "The machine was started anew.", blame=False)
        return pictures

    async def _give_back(
        self, machine_id: str, reason: str, guilty: Picture | None, *, blame: bool = True, memory: bool = False
    ) -> None:
        for job in self._book.board.on_machine(machine_id):
            first = guilty is not None and guilty.job_id == job.id
            at_work = first or job.state is JobState.RUNNING
            if memory and at_work:
                frugally = guilty.frugal if guilty is not None and first else job.frugal
                await self._starve(job, Memory.MACHINE, WaitingFor.NO_MACHINE, reason, frugally)
            else:
                await self._requeue(job, reason, blame=blame and at_work)

    async def _starve_gpu(self, job: Job) -> None:
        """The machine goes on, and will take it again."""
        await self._starve(job, Memory.GPU, WaitingFor.MACHINE_BUSY, "The GPU ran out of memory.", job.frugal)

    async def _starve(self, job: Job, memory: Memory, waiting_for: WaitingFor, reason: str, frugally: bool) -> None:
        """A graph that a client brought is not ours to make smaller."""
        frugally = frugally or job.is_workflow

        def after(present: Job) -> Job:
            return starved(present, memory, waiting_for, self._clock.now(), tried_frugally=frugally)

        await self._take_from_machine(job, after, reason)

    async def _turn_away(self, job: Job) -> None:
        await self._requeue(job, "The machine takes no new pictures.", blame=False)

    async def _take_back(self, job: Job) -> None:
        await self._requeue(job, "The engine stopped working on it.", blame=True)

    async def _requeue(self, job: Job, reason: str, *, blame: bool) -> None:
        def after(present: Job) -> Job:
            waiting = WaitingFor.NO_MACHINE
            return lost(present, reason, waiting, self._clock.now()) if blame else released(present, waiting)

        await self._take_from_machine(job, after, reason)

    async def _take_from_machine(self, job: Job, after: Callable[[Job], Job], reason: str) -> None:
        """Makes of a claimed job what `after` says, also when it got a picture meanwhile; not once the claim is over."""
        present: Job | None = job
        while present is not None and present.claim == job.claim:
            changed = after(present)
            kind = EventType.JOB_REQUEUED if changed.state is JobState.QUEUED else EventType.JOB_FAILED
            log.warning("job %s: %s %s (attempt %d)", job.id, kind, reason, changed.attempt)
            if await self._book.change(present, changed, [kind]) is not None:
                return
            present = self._book.board.get(job.id)

    async def _claim(self, machine: Machine) -> tuple[Job, list[Picture]] | None:
        """The next job for a machine, with its pictures' prompt ids committed before any is sent."""
        while self._floor.accepts(machine.id):
            job = self._next_for(machine)
            if job is None:
                return None
            moving = self.tenancy.move_in(machine.id, job.artist_id)
            self._being_claimed.add(job.id)
            try:
                pictures = self._pictures(job)
                changed = await to_the_end(self._write_claim(job, machine, pictures, moving))
            finally:
                self._being_claimed.discard(job.id)
            if changed is not None:
                return changed, pictures
        return None

    def _next_for(self, machine: Machine) -> Job | None:
        """The first that waits, or where artists take turns the next in turn; then a hand-over may begin."""
        if not self.tenancy.per_artist:
            return self._book.board.first_waiting(machine.pool, self._claimable())
        waiting = filter(self._claimable(), self._book.board.waiting(machine.pool))
        found = self.tenancy.next_for(machine.id, self._posts(machine.pool), waiting)
        if not isinstance(found, HandOver):
            return found
        if self._floor.hand_over(machine.id):
            log.info("machine %s is wiped for another artist", machine.id)
            self.tenancy.expect(machine.id, found.artist_id)
        return None

    def _posts(self, pool: str) -> list[Post]:
        """The machines of a pool that are at work, wake, or are being wiped."""
        there = {id: runner for id, runner in self._runners.items() if self._machines[id].pool == pool}
        posts = [self.tenancy.post(id, runner.held, runner.has_room) for id, runner in there.items() if self._floor.accepts(id)]
        return posts + [self.tenancy.post(id, 0, room=False) for id in self._floor.up(pool) if id not in there]

    async def _write_claim(self, job: Job, machine: Machine, pictures: list[Picture], moving: Write | None) -> Job | None:
        rows = self._prompt_rows(machine, pictures)
        after = claimed(job, machine.id, self._book.new_claim())
        behind_others = self._book.board.count_on_machine(machine.id) > 0
        told = [EventType.JOB_WAITING] if behind_others and after.waiting_for is not job.waiting_for else []

        def also(tx: Transaction) -> None:
            records.add_prompts(tx, rows)
            if moving is not None:
                moving(tx)

        return await self._book.change(job, after, told, also=also)

    @staticmethod
    def _pictures(job: Job) -> list[Picture]:
        return [Picture(job.id, n, str(uuid.uuid4()), job.frugal) for n in job.missing()]

    def _prompt_rows(self, machine: Machine, pictures: list[Picture]) -> list[dict[str, Any]]:
        sent_to = {"machine_id": machine.id, "boot": machine.boot, "created_at": self._clock.now()}
        return [{"prompt_id": p.prompt_id, "job_id": p.job_id, "picture": p.n, **sent_to} for p in pictures]

    def _claimable(self) -> Callable[[Job], bool]:
        may_spend = self._floor.may_spend_each()
        return lambda job: job.id not in self._being_claimed and job.id not in self.kept.coming and may_spend(job)

    def _at_work(self, prompt_id: str) -> bool:
        return any(runner.holds(prompt_id) for runner in self._runners.values())

    async def _superseded(self, job_id: str) -> None:
        """Pictures of a job came home by another way than its machine's: if that was all, the machine need not go on."""
        if self._book.board.get(job_id) is None:
            for runner in list(self._runners.values()):
                await runner.cancel(job_id)
        self.poke()

    def _measure(self, picture: Picture, finished_at: float) -> None:
        job = self._book.board.get(picture.job_id)
        style = None if job is None or job.is_workflow else self._style(job.painting.style)
        if picture.started_at is not None:
            effort = effort_of(job.painting, style) if job is not None and style is not None and not picture.frugal else None
            self._floor.picture_seconds(finished_at - picture.started_at, effort)

    async def _renew_forever(self) -> None:
        while True:
            await self._clock.sleep(CLAIM_SECONDS / 3)
            try:
                await self._book.renew_claims()
                await self._take_back_strays()
            except StorageError as error:
                log.error("Claims could not be renewed: %s", error)

    async def _take_back_strays(self) -> None:
        """The backstop: a job that is said to be at a machine, and twice in a row is nowhere, waits again."""
        seen, self._astray = self._astray, {job.id: job.claim for job in self._book.board if self._is_astray(job)}
        for job_id in [job_id for job_id, claim in self._astray.items() if seen.get(job_id) == claim]:
            if (job := self._book.board.get(job_id)) is not None and job.claim == self._astray[job_id]:
                log.error("job %s was given to machine %s, which does not have it", job.id, job.machine_id)
                await self._requeue(job, "The machine does not have it.", blame=False)

    def _is_astray(self, job: Job) -> bool:
        if job.machine_id is None:
            return False
        runner = self._runners.get(job.machine_id)
        return job.machine_id not in self._floor.up(job.pool) if runner is None else not runner.works_for(job.id)
