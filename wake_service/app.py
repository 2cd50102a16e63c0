"""Everything is built once, here, and handed in. `Service` is the whole; api/ is its face."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock, Timeout

from wake_service.accounts import people, tokens
from wake_service.accounts.pairings import Pairing
from wake_service.accounts.tokens import Authenticator, Identity
from wake_service.background import Background
from wake_service.blobs.base import BlobStore
from wake_service.blobs.journal import JournaledBlobs
from wake_service.blobs.life import Retention
from wake_service.blobs.opening import open_blobs
from wake_service.blobs.shelf import Shelf
from wake_service.blobs.sweeper import Sweeper
from wake_service.clock import Clock, SystemClock
from wake_service.comfy.client import EngineClient
from wake_service.comfy.request import Style
from wake_service.comfy.styles import PRACTICE_STYLES, default_styles, load_styles
from wake_service.errors import ProviderError, SetupError, StorageError
from wake_service.exchange import Exchange, Wishes
from wake_service.files.assets import Assets
from wake_service.files.folders import Folders
from wake_service.files.gallery import Gallery
from wake_service.housekeeping import Housekeeping, Keeping
from wake_service.jobs import records
from wake_service.jobs.book import JobBook
from wake_service.jobs.decisions import Decisions
from wake_service.jobs.dispatcher import Dispatcher
from wake_service.jobs.events import Event, EventLog, EventType
from wake_service.jobs.floor import Floor
from wake_service.jobs.hub import Hub
from wake_service.jobs.model import Job, JobRequest
from wake_service.jobs.pace import effort_of
from wake_service.jobs.submissions import Submissions
from wake_service.jobs.telling import Telling
from wake_service.jobs.tenancy import Tenancy
from wake_service.machinery import POOL, Machinery, from_the_settings, policy_of
from wake_service.machines.catalogues import Catalogues
from wake_service.machines.controller import Controller
from wake_service.machines.estimates import WakeEstimate
from wake_service.machines.fleet import Fleet
from wake_service.machines.history import forget
from wake_service.machines.ledger import Ledger, Payer
from wake_service.machines.model import AWAKE, Machine
from wake_service.machines.spending import Spending
from wake_service.machines.standing import book_standing
from wake_service.machines.views import machine_view
from wake_service.machines.workload import Timing
from wake_service.mirror.mirrors import Mirrors
from wake_service.models.classes import FILE, ModelClasses
from wake_service.models.opening import open_store
from wake_service.providers.base import Door
from wake_service.settings import Settings
from wake_service.store.migrate import upgrade
from wake_service.store.store import Store, Transaction
from wake_service.workflows.luggage import Depot
from wake_service.workflows.workflows import Workflows

log = logging.getLogger(__name__)

#: How often what costs money while all sleeps is looked at, in seconds; it is booked once a day.
_BOOK_EVERY = 3600.0


class Service:
    """One wake service: storage, jobs, machines, and the tasks that keep them going.

    `machinery` and `blob_store` replace the ones that `settings` describe (tests, other editions).
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        *,
        machinery: Machinery | None = None,
        blob_store: BlobStore | None = None,
        connect: Callable[[Door], EngineClient] | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.lock = _lock(settings.data)
        self.store = Store.sqlite(settings.data / "wakebrush.db")
        upgrade(self.store.engine)
        self.blobs = JournaledBlobs(blob_store or open_blobs(settings, self.clock), self.store, self.clock)
        self._build_files()
        keeping = Keeping(settings.keep_events_days, settings.keep_history_days)
        self.housekeeping = Housekeeping(self.store, self.clock, keeping, forget)
        self.authenticator = Authenticator(self.store, self.clock)
        self.pairing = Pairing(self.store, self.clock)
        self.hub = Hub()
        self.events = EventLog(self.hub)
        self.book = JobBook(self.store, self.clock, self.events, settings.currency)
        self.telling = Telling(self.book, self.hub, self.clock)
        self.wishes = Wishes()
        self.ledger = Ledger()
        self.fleet = Fleet(self.store, self.clock, self.ledger, WakeEstimate(settings.first_wake_estimate))
        self.catalogues = Catalogues(self.store, self.clock)
        self.spending = Spending(self.ledger, self.fleet, self.clock, settings.idle_seconds)
        self.model_classes = ModelClasses(settings.data / FILE, self.clock, partial(open_store, settings, self.clock))
        self._written_styles = load_styles(settings.styles_file) if settings.styles_file else None
        self._policies = policies = {POOL: policy_of(settings)}
        self.exchange = Exchange(self.book, self.fleet, self.spending, self.wishes, self.catalogues, policies, self.clock)
        self.submissions = Submissions(self.store, self.clock, self.book, self.exchange.reason)
        self.machinery = machinery or from_the_settings(settings, self.clock)
        self.controller = Controller(
            self.fleet,
            self.machinery.providers,
            self.exchange,
            policies,
            Timing(settings.idle_seconds),
            self.clock,
            connect or open_door,
        )
        self._woken = asyncio.Event()
        depot = Depot(self.store, self.blobs, self.shelf, self.clock, self.catalogues.get, changed=self.folders.changed)
        self.workflows = Workflows(depot, self.book, self.submissions)
        self.dispatcher = self._dispatcher()
        self.exchange.dispatcher = self.dispatcher
        self.decisions = Decisions(self.book, self.dispatcher, self.telling, self.exchange.reason)
        self.exchange.mirrors = self.mirrors = Mirrors(settings.data, self.clock, ask_packs=settings.isolation == "shared")
        self.workflows.cancel_job = self.dispatcher.cancel
        self.workflows.make_way = self.dispatcher.make_way
        self.dispatcher.on_attached = self._woken.set
        self.submissions.offer = self.dispatcher.offer
        self.started = False
        self._background = Background(log)
        self._reasons_stale = asyncio.Event()
        self._room_asked_at = float("-inf")
        self._has_room = True

    def _build_files(self) -> None:
        """All that stands on blobs."""
        self.shelf = Shelf(self.store, self.blobs, self.clock)
        retention = Retention(self.settings.keep_results_days)
        self.sweeper = Sweeper(self.store, self.blobs, self.clock, retention, arriving=lambda: self.shelf.arriving)
        self.shelf.on_full = self.sweeper.poke
        self.folders = Folders(self.store, self.blobs, self.shelf, self.clock, self.settings.quota_bytes)
        self.sweeper.on_files_gone = self.folders.all_changed
        self.gallery = Gallery(self.blobs)
        self.assets = Assets(self.store, self.folders, self.shelf, self.clock)

    def _dispatcher(self) -> Dispatcher:
        floor = Floor(
            accepts=self.exchange.accepts,
            may_spend=self.exchange.may_spend,
            may_spend_each=self.exchange.may_spend_each,
            occupied=self._occupied,
            unreachable=self.controller.report_lost,
            picture_seconds=self.exchange.note_picture,
            catalogue=self.catalogues.get,
            hand_over=self.controller.hand_over,
            up=self.exchange.up,
        )
        blobs, shelf, telling, style = self.blobs, self.shelf, self.telling, self.style
        per_artist = self.exchange.per_artist = self.settings.isolation == "per_artist"
        tenancy = Tenancy(self.store, self.clock, per_artist=per_artist)
        couriers, limit = self.workflows.courier, self.settings.max_pixels
        return Dispatcher(self.store, self.book, blobs, shelf, telling, self.clock, style, floor, limit, couriers, tenancy)

    async def start(self) -> None:
        """Takes up what an earlier service left, and begins to work."""
        await self.store.write(self._ensure_default_artist)
        self.spending.limits = await self.store.read(people.limits)
        await self.blobs.load()
        await self.book.load()
        await self.dispatcher.tenancy.load()
        await self.catalogues.load()
        await self.mirrors.load([POOL])
        await self.fleet.load(self.machinery.known, finders=self.machinery.finders)
        self.book.outlook = self.exchange.outlook
        self.book.on_change = self._job_changed
        self.fleet.on_change = self._machine_changed
        self.telling.on_step = self.fleet.first_step
        self.dispatcher.start()
        await self.workflows.start()
        await self.controller.start()
        await self.dispatcher.release_strays([machine.id for machine in self.fleet.all() if machine.state in AWAKE])
        own = (self.housekeeping.run, self.sweeper.run, self.blobs.run, self._keep_reasons, self._book_standing)
        for work in (*own, self.model_classes.run, *self.machinery.forever):
            self._background.spawn(work())
        self._background.spawn(self.mirrors.begin(POOL, self.machinery.first_copy))
        self.started = True

    async def stop(self) -> None:
        """Lets go in order. Machines keep running, jobs stay where they are."""
        self.started = False
        await self._background.cancel()
        await self.mirrors.stop()  # before the engines' connections are closed, which reading them would open anew
        await self.controller.stop()
        await self.dispatcher.stop()
        await self.workflows.stop()
        self.store.close()
        self.lock.release()

    async def has_room(self) -> bool:
        """Whether the disk can take another picture. A yes is believed for a second; a no is looked up again."""
        now = self.clock.now()
        if not self._has_room or now - self._room_asked_at >= 1.0:
            free = await self.blobs.free_bytes()
            self._room_asked_at, self._has_room = now, free is None or free > 0
            if not self._has_room:
                self.sweeper.poke()
        return self._has_room

    # -- who and what -----------------------------------------------------------------------------------------------

    def _ensure_default_artist(self, tx: Transaction) -> None:
        people.ensure_default(tx, self.clock.now())
        people.limit_default_team(tx, self.settings.month_budget_micros)

    @cached_property
    def gateway_url(self) -> str:
        """Where clients of ComfyUI find the gateway; a server that listens elsewhere sets it."""
        return self.settings.gateway_url or f"http://127.0.0.1:{self.settings.gateway_port}"

    async def issue_local_token(self) -> str:
        """A token for the default artist; its secret is returned once and stored only as a hash."""

        def create(tx: Transaction) -> str:
            artist_id = people.find(tx.conn, people.DEFAULT_ARTIST) or ""
            return tokens.create(tx, artist_id, "this computer", tokens.USUAL, self.clock.now())[1]

        return await self.store.write(create)

    async def identify(self, secret: str) -> Identity | None:
        """Whom a token speaks for; learns her team's limit on the way."""
        identity = await self.authenticator.identify(secret)
        if identity is not None:
            self.spending.limits[identity.team_id] = identity.month_budget_micros
        return identity

    def styles(self) -> list[Style]:
        """The styles that can be asked for."""
        if self._written_styles is not None:
            return self._written_styles
        if self.settings.practice:
            return list(PRACTICE_STYLES)
        catalogue = self.catalogues.get(POOL)
        return default_styles(catalogue) if catalogue else []

    def style(self, name: str) -> Style | None:
        """A style by name."""
        return next((style for style in self.styles() if style.name == name), None)

    def work_seconds(self, request: JobRequest) -> float:
        """How long all pictures of a job will take a machine."""
        style = self.style(request.style)
        return self.exchange.expected_seconds(effort_of(request, style) if style else None) * request.count

    def wish(self, who: Identity) -> float:
        """ "I am about to paint": until when that keeps a machine awake (epoch seconds)."""
        until = self.clock.now() + self.settings.wish_seconds
        self.wishes.add(POOL, until, Payer(who.team_id, who.artist_id))
        self.controller.poke()
        return until

    async def hold(self, machine_id: str, seconds: float, who: Identity) -> float:
        """Keeps a machine awake for so long from now, at her team's cost; 0 lets it go. Until when (epoch seconds)."""
        until = self.clock.now() + seconds if seconds else 0.0
        await self.controller.hold(machine_id, until, Payer(who.team_id, who.artist_id), who.artist_name)
        return until

    def gateway_features(self) -> dict[str, Any]:
        """What the gateway tells clients that it can do, in ComfyUI's words (`/features`, `feature_flags`).

        `assets` is off: an engine's own list of files knows no owners.
        """
        return {
            "supports_preview_metadata": True,
            "supports_model_type_tags": True,
            "max_upload_size": self.settings.gateway_max_body_bytes,
            "extension": {"manager": {"supports_v4": False}},
            "node_replacements": True,
            "assets": False,
        }

    def engine(self, pool: str = POOL, artist_id: str | None = None) -> EngineClient | None:
        """The engine of a machine of the pool that is awake and at work, or rests; None when none is.

        With an artist one that she may reach: where machines serve one artist at a time, hers.
        """
        return self.dispatcher.engine(pool, artist_id)

    async def until_awake(self, seconds: float, pool: str, artist_id: str) -> EngineClient | None:
        """The same, waited for as long as this."""
        late = asyncio.ensure_future(self.clock.sleep(seconds))
        try:
            while (engine := self.engine(pool, artist_id)) is None and not late.done():
                self._woken.clear()
                woken = asyncio.ensure_future(self._woken.wait())
                await asyncio.wait({woken, late}, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
        finally:
            late.cancel()
        return engine

    def machine_views(self) -> list[dict[str, Any]]:
        """All machines on the wire."""
        return [self.machine_view(machine) for machine in self.fleet.all()]

    def machine_view(self, machine: Machine) -> dict[str, Any]:
        """One machine on the wire."""
        wished_until = self.wishes.until.get(machine.pool, 0.0)
        policy, now = self._policies[machine.pool], self.clock.now()
        curfew = policy.curfew.sentence(now) if policy.curfew and policy.rests(now) else None
        return machine_view(machine, self.fleet, self.settings.currency, wished_until, curfew)

    # -- what follows from a change ---------------------------------------------------------------------------------

    async def _occupied(self, machine_id: str, job: Job | None) -> None:
        await self.controller.occupy(machine_id, Payer(job.team_id, job.artist_id, job.id) if job else None)

    def _job_changed(self, job: Job) -> None:
        self.controller.poke()
        self.dispatcher.poke()
        if not job.unfinished:
            self.telling.ended(job)
        self.workflows.changed(job)
        if job.machine_id is not None:
            self.telling.queue_moved()

    def _machine_changed(self, machine: Machine) -> None:
        self.machinery.changed(machine)
        data = orjson.dumps({"machine": self.machine_view(machine)})
        self.events.present_to_all(Event(EventType.MACHINE_CHANGED, self.clock.now(), data, machine_id=machine.id))
        self._reasons_stale.set()
        self._woken.set()
        self.dispatcher.poke()

    async def _keep_reasons(self) -> None:
        """What waiting jobs wait for follows the machines, and budgets and months once a minute."""
        while True:
            try:
                async with asyncio.timeout(60):  # not wait_for, which may swallow being cancelled by `stop`
                    await self._reasons_stale.wait()
            except TimeoutError:
                log.debug("a minute without a change of machines")
            self._reasons_stale.clear()
            try:
                await self.book.say_waiting(POOL, self.exchange.reason_each())
            except StorageError as error:
                log.error("What jobs wait for could not be stored: %s", error)
                await self.clock.sleep(2.0)
                self._reasons_stale.set()

    async def _book_standing(self) -> None:
        """What stands there while all sleeps, once a day; more often it is only made sure."""
        while True:
            try:
                if things := await self.machinery.standing():
                    await self.store.write(partial(book_standing, inventory=things, now=self.clock.now()))
            except (ProviderError, StorageError) as error:
                log.error("What stands there while all sleeps could not be booked: %s", error)
            await self.clock.sleep(_BOOK_EVERY)

    async def recent_jobs(self, artist_id: str) -> list[Job]:
        """An artist's unfinished jobs, and what was finished within the time that events are kept."""
        since = self.clock.now() - self.settings.keep_events_days * 86400
        return await self.store.read(lambda conn: records.recent(conn, artist_id, since))


def open_door(door: Door) -> EngineClient:
    """A client of the engine behind a door."""
    return EngineClient(door.url, token=door.token, fingerprint=door.fingerprint)


def _lock(data: Path) -> FileLock:
    """One service per data folder. Raises SetupError when another one has it, or it cannot be written."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(data / "service.lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise SetupError(f"Another wake service is using {data}. Stop it first, or give this one --data of its own.") from error
    except OSError as error:
        raise SetupError(f"The data folder {data} cannot be used: {error.strerror}.") from error
    return lock
