"""Uploads, jobs, results, deletions and sweeps in any order, step by step, with crashes: nothing needed ever goes."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Connection, select

from tests.service.house import empty_database
from tests.support.pictures import png
from tests.unit.blobs.stepping import SteppedBlobs, SteppedClock, SteppedStore, Steps
from tests.unit.jobs.studio import Studio
from wake_service.blobs.base import BlobSwept, chunks_of
from wake_service.blobs.life import DAY, Retention
from wake_service.blobs.records import add_blob, unknown_bytes
from wake_service.blobs.shelf import Shelf
from wake_service.blobs.sweeper import Sweeper
from wake_service.comfy.client import EngineClient
from wake_service.comfy.events import ImageRef
from wake_service.comfy.request import Mode
from wake_service.errors import RequestError, StorageError
from wake_service.files.folders import Folders
from wake_service.files.model import FileName
from wake_service.files.records import add_output
from wake_service.jobs import erasure, records
from wake_service.jobs.collector import Collector
from wake_service.jobs.model import Job
from wake_service.jobs.picture import Picture
from wake_service.jobs.submissions import PIN_SECONDS
from wake_service.store.tables import blob_grants, blobs, files, results

KEEP_DAYS = 3.0
#: Few, so that artists meet at the same pictures.
PICTURES = [png(64, 64, (shade, 0, 0)) for shade in (10, 20)]
NAMES = [hashlib.sha256(picture).hexdigest() for picture in PICTURES]
SIZE = {"width": 64, "height": 64}
ARTISTS, WHICH = st.sampled_from(["mira", "noor"]), st.integers(0, 1)
#: How far something comes at once before others get a turn.
FAR = st.integers(0, 4)


@dataclass
class Promises:
    """What was acknowledged: pins by artist and checksum, unfinished jobs, and results by job with the time they may go."""

    pins: dict[tuple[str, str], float] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    results: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    #: By artist, folder and name: the checksum, and when it may go at the earliest.
    files: dict[tuple[str, str, str], tuple[str, float]] = field(default_factory=dict)

    def forget(self, artist_id: str) -> None:
        self.pins = {key: until for key, until in self.pins.items() if key[0] != artist_id}
        self.results = {key: result for key, result in self.results.items() if result[0] != artist_id}
        self.files = {key: file for key, file in self.files.items() if key[0] != artist_id}


@dataclass
class Facts:
    """What the database says: holds, results by job, files by artist, folder and name, and blobs."""

    holds: set[tuple[str, str]]
    results: set[tuple[str, str]]
    files: dict[tuple[str, str, str], str]
    blobs: set[str]


def facts(conn: Connection) -> Facts:
    holds = {(row.artist_id, row.sha256) for row in conn.execute(select(blob_grants))}
    shown = {(row.job_id, row.sha256) for row in conn.execute(select(results))}
    named = {(row.artist_id, row.folder, row.name): row.sha256 for row in conn.execute(select(files))}
    return Facts(holds, shown, named, set(conn.execute(select(blobs.c.sha256)).scalars()))


@asynccontextmanager
async def unless_still_leaving() -> AsyncIterator[None]:
    """An upload may be told to come again; but nothing that has arrived may be swept before it is written down."""
    try:
        yield
    except BlobSwept:
        raise
    except StorageError:
        return


class LifeAtOnce(RuleBasedStateMachine):
    """Everything acts through the service's own code, on a real database."""

    @initialize()
    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(mkdtemp())
        self.run(self._open())

    async def _open(self) -> None:
        self.steps = Steps()
        clock = SteppedClock(self.steps)
        (self.folder / "test.db").write_bytes(empty_database())
        self.store = SteppedStore(self.folder / "test.db", self.steps)
        self.blobs = SteppedBlobs(self.steps)
        self.shelf = Shelf(self.store, self.blobs, clock)
        # No grace is the hardest case: nothing is spared for being new.
        sweeper = partial(Sweeper, self.store, self.blobs, clock, Retention(KEEP_DAYS), grace=0.0)
        self.sweeper = sweeper(arriving=lambda: self.shelf.arriving)
        self.folders = Folders(self.store, self.blobs, self.shelf, clock, None)
        self.studio = Studio(self.store, clock)
        self.steps.start(self._opened())
        await self.steps.all()
        self.collector = Collector(self.studio.book, self.shelf, clock, 1_000_000, 0)
        self.promises = Promises()

    async def _opened(self) -> None:
        await self.studio.open()

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def artist_id(self, name: str) -> str:
        artist_id: str = getattr(self.studio, name).artist_id
        return artist_id

    # -- what artists and machines do; each begins here and goes on step by step ------------------------------------

    @rule(name=ARTISTS, which=WHICH, far=FAR)
    def uploads(self, name: str, which: int, far: int) -> None:
        self.begin(self._upload(self.artist_id(name), which), far)

    async def _upload(self, artist_id: str, which: int) -> None:
        now = self.steps.now
        data, sha256, until = PICTURES[which], NAMES[which], now + PIN_SECONDS
        size = {"size": len(data), **SIZE}
        add = partial(add_blob, artist_id=artist_id, sha256=sha256, media_type="image/png", now=now, pinned_until=until, **size)
        try:
            await self.shelf.keep(data, sha256, 10_000, add)
        except StorageError:
            return
        self.promises.pins[artist_id, sha256] = until

    @rule(name=ARTISTS, which=WHICH, far=FAR)
    def streams(self, name: str, which: int, far: int) -> None:
        self.begin(self._stream(self.artist_id(name), which), far)

    async def _stream(self, artist_id: str, which: int) -> None:
        """As an upload whose checksum shows at its end."""
        now = self.steps.now
        async with unless_still_leaving(), self.shelf.arrived(chunks_of(PICTURES[which]), max_bytes=10_000) as blob:
            until = now + PIN_SECONDS
            size = {"size": blob.size, **SIZE}
            add = partial(add_blob, artist_id=artist_id, sha256=blob.sha256, media_type="image/png", now=now)
            await self.store.write(partial(add, pinned_until=until, **size))
            self.promises.pins[artist_id, NAMES[which]] = until

    @rule(name=ARTISTS, which=WHICH, again=st.booleans(), far=FAR)
    def keeps_a_file(self, name: str, which: int, again: bool, far: int) -> None:
        self.begin(self._keep(self.artist_id(name), which, again), far)

    async def _keep(self, artist_id: str, which: int, again: bool) -> None:
        """An upload into her folders, under the name of an earlier one (`again`) or of its own."""
        wanted = FileName("input", "", "a.png" if again else f"{which}.png")
        async with unless_still_leaving(), self.folders.receive(artist_id, chunks_of(PICTURES[which]), 10_000) as arrival:
            stored = await arrival.keep(wanted, overwrite=again)
            self.promises.files[artist_id, "input", stored.name.name] = stored.sha256, stored.at + KEEP_DAYS * DAY

    @rule(name=ARTISTS, far=FAR)
    def throws_a_file_away(self, name: str, far: int) -> None:
        self.begin(self._throw_away(self.artist_id(name)), far)

    async def _throw_away(self, artist_id: str) -> None:
        await self.folders.remove(artist_id, FileName("input", "", "a.png"))
        self.promises.files.pop((artist_id, "input", "a.png"), None)

    @rule(which=st.integers(0, 5), result=WHICH, temp=st.booleans(), far=FAR)
    def a_machine_makes_a_file(self, which: int, result: int, temp: bool, far: int) -> None:
        if self.promises.jobs:
            job = list(self.promises.jobs.values())[which % len(self.promises.jobs)]
            self.begin(self._make(job, PICTURES[result], "temp" if temp else "output"), far)

    async def _make(self, job: Job, data: bytes, folder: str) -> None:
        while True:
            try:
                blob = await self.shelf.put(data)
                now = self.steps.now
                add = partial(add_output, artist_id=job.artist_id, folder=folder, subfolder="", name="x_00001_.png", now=now)
                add = partial(add, sha256=blob.sha256, size=blob.size, media_type="image/png", job_id=job.id, node_id=None)
                made = await self.store.write(add)
            except StorageError:
                continue  # as the courier does
            until = now + (DAY if folder == "temp" else KEEP_DAYS * DAY)
            self.promises.files[job.artist_id, folder, made.name] = blob.sha256, until
            return

    @rule(name=ARTISTS, which=WHICH, far=FAR)
    def looks(self, name: str, which: int, far: int) -> None:
        self.begin(self._look(self.artist_id(name), which), far)

    async def _look(self, artist_id: str, which: int) -> None:
        until = self.steps.now + PIN_SECONDS
        if await self.shelf.renew(artist_id, NAMES[which], until):
            self.promises.pins[artist_id, NAMES[which]] = until

    @rule(name=ARTISTS, which=WHICH, far=FAR)
    def generates(self, name: str, which: int, far: int) -> None:
        self.begin(self._generate(name, NAMES[which]), far)

    async def _generate(self, name: str, sha256: str) -> None:
        try:
            job = await self.studio.submit(getattr(self.studio, name), mode=Mode.IMAGE_TO_IMAGE, image=sha256)
        except RequestError:
            return  # blob_missing: she sends it again
        self.promises.jobs[job.id] = job

    @rule(which=st.integers(0, 5), result=WHICH, far=FAR)
    def a_machine_finishes(self, which: int, result: int, far: int) -> None:
        if self.promises.jobs:
            job = list(self.promises.jobs.values())[which % len(self.promises.jobs)]
            self.begin(self._finish(job, PICTURES[result]), far)

    async def _finish(self, job: Job, data: bytes) -> None:
        async def view(_image: ImageRef) -> bytes:
            return data

        picture = Picture(job.id, 0, "prompt", images=(ImageRef("a.png", "", "output"),))
        while True:
            try:
                fetched = await self.collector.fetch(picture, cast(EngineClient, SimpleNamespace(view=view)))
                if fetched is None:
                    return
                await self.collector.announce(picture, fetched, self.steps.now)
            except StorageError:
                continue  # as the recorder does
            if self.promises.jobs.pop(job.id, None):
                kept_until = self.steps.now + KEEP_DAYS * DAY
                self.promises.results[job.id] = (job.artist_id, fetched.blob.sha256, kept_until)
            return

    @rule(name=ARTISTS)
    def deletes_her_pictures(self, name: str) -> None:
        self.begin(self._erase(self.artist_id(name)))

    async def _erase(self, artist_id: str) -> None:
        try:
            await erasure.erase_all(self.store, artist_id)
        except RequestError:
            return  # something is unfinished: nothing was deleted
        self.promises.forget(artist_id)

    @rule(far=st.integers(0, 11))
    def a_sweep_begins(self, far: int) -> None:
        self.begin(self._sweep(), far)

    async def _sweep(self) -> None:
        await self.sweeper.sweep()

    def begin(self, work: Any, far: int = 0) -> None:
        async def start() -> None:
            self.steps.start(work)

        self.run(start())
        self.some_take_steps([-1] * far)

    # -- what the world does ----------------------------------------------------------------------------------------

    @rule(which=st.lists(st.integers(0, 7), min_size=1, max_size=6))
    def others_go_on(self, which: list[int]) -> None:
        self.some_take_steps(which)

    def some_take_steps(self, which: list[int]) -> None:
        for one in which:
            self.run(self.steps.one(one))
            self.check()

    @rule(times=st.integers(2, 10))
    def the_last_one_goes_on(self, times: int) -> None:
        """Whoever began or acted last takes several steps, while all others wait."""
        self.some_take_steps([-1] * times)

    @rule(seconds=st.sampled_from([1.0, 3600.0, PIN_SECONDS, KEEP_DAYS * DAY]))
    def time_passes(self, seconds: float) -> None:
        self.steps.now += seconds

    @rule()
    def the_power_is_cut(self) -> None:
        self.run(self._cut())
        self.begin(self._sweep())  # as a service that starts does

    async def _cut(self) -> None:
        await self.steps.crash()
        self.studio.submissions = self.studio.new_submissions()

    @rule()
    def nothing_unneeded_outlives_a_quiet_sweep(self) -> None:
        self.run(self.steps.all())
        self.begin(self._sweep())
        self.run(self.steps.all())
        facts_now = self.run(self.store.at_once(facts))
        held = {sha256 for _, sha256 in facts_now.holds}
        assert self.blobs.names() == facts_now.blobs == held
        assert set(facts_now.files.values()) <= held

    # -- what always holds ------------------------------------------------------------------------------------------

    @invariant()
    def check(self) -> None:
        if not hasattr(self, "promises"):
            return
        now, facts_now, stored = self.steps.now, self.run(self.store.at_once(facts)), self.blobs.names()
        assert facts_now.blobs <= stored, "the database says of bytes that are gone that they are there"
        for job in self.promises.jobs.values():
            assert self.studio.book.board.get(job.id), "an acknowledged job was lost"
            for sha256 in job.request.inputs():
                assert (job.artist_id, sha256) in facts_now.holds and sha256 in stored, "what a job starts from is gone"
        for key, (sha256, until) in self.promises.files.items():
            if until > now:
                assert facts_now.files.get(key) == sha256 and sha256 in stored, "a file is gone, or another one"
        for job_id, (artist_id, sha256, until) in self.promises.results.items():
            if until > now:
                assert (job_id, sha256) in facts_now.results and (artist_id, sha256) in facts_now.holds, "a kept result is gone"

    def teardown(self) -> None:
        if hasattr(self, "promises"):
            self.nothing_unneeded_outlives_a_quiet_sweep()
            self.check()
            self.steps.now += PIN_SECONDS + KEEP_DAYS * DAY
            self.nothing_unneeded_outlives_a_quiet_sweep()
            if not self.run(self.store.at_once(records.load_unfinished)):
                assert not self.blobs.names(), "something is kept although its time is over"
            self.store.close()
            self.loop.close()
            shutil.rmtree(self.folder)


def goes_on_until(life: LifeAtOnce, condition: Callable[[], bool]) -> None:
    """Whoever began last takes steps until something is so."""
    for _ in range(50):
        if condition():
            return
        life.some_take_steps([-1])
    raise AssertionError("it never came so far")


def test_bytes_that_arrive_during_a_sweep_keep_their_note() -> None:
    """The note is written, a sweep would take it away, the bytes come, and the power is cut: they must still be found."""
    life = LifeAtOnce()
    life.open()
    life.uploads("mira", which=0, far=1)
    swept: list[bool] = []

    async def sweep() -> None:
        await life.sweeper.sweep()
        swept.append(True)

    life.begin(sweep())
    goes_on_until(life, lambda: bool(swept))
    goes_on_until(life, lambda: NAMES[0] in life.blobs.names())
    life.the_power_is_cut()
    life.nothing_unneeded_outlives_a_quiet_sweep()
    life.teardown()


def test_bytes_that_arrive_wait_only_as_long_as_a_removal_takes() -> None:
    """A removal broke off in a power cut; the next sweep ends it although the same bytes are sent again meanwhile."""
    life = LifeAtOnce()
    life.open()
    life.uploads("mira", which=0, far=2)
    life.run(life._cut())
    life.begin(life._sweep())
    leaving = partial(unknown_bytes, untouched_since=0.0)  # what was touched since is listed only while it leaves
    goes_on_until(life, lambda: life.run(life.store.at_once(leaving)) == [NAMES[0]])
    life.run(life._cut())
    life.uploads("mira", which=0, far=1)
    life.begin(life._sweep())
    life.run(life.steps.all())
    assert life.promises.pins, "the upload gave up"
    life.teardown()


TestLifeAtOnce = LifeAtOnce.TestCase
TestLifeAtOnce.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
