"""What artists ask for, and the book their jobs are in."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, insert, select

from wake_service.accounts import people
from wake_service.accounts.tokens import Identity, Role
from wake_service.blobs.records import add_blob, expect_bytes
from wake_service.clock import Clock, ManualClock
from wake_service.comfy.request import Mode
from wake_service.jobs import events
from wake_service.jobs.book import JobBook
from wake_service.jobs.events import EventLog
from wake_service.jobs.hub import Frame, Hub, Subscription
from wake_service.jobs.model import Job, JobRequest, WaitingFor
from wake_service.jobs.submissions import Submissions
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import blob_grants, streams, teams

POOL = "default"
LATER = 2_000_000_000.0
IMAGE, MASK, OTHER_SIZE = "a" * 64, "b" * 64, "c" * 64


def request(**changes: Any) -> JobRequest:
    plain = JobRequest(Mode.TEXT_TO_IMAGE, "a lighthouse", "", "practice-gouache", 1.0, 512, 512, 42)
    return replace(plain, **changes)


_places = itertools.count(1)


def job(place: int | None = None, **changes: Any) -> Job:
    """A job that is not in any book."""
    number = next(_places) if place is None else place
    plain = Job(
        number, f"job-{number}", "mira", "studio", POOL, request(), 1_800_000_000.0, waiting_for=WaitingFor.MACHINE_WAKING
    )
    return replace(plain, **changes)


class Studio:
    """Two artists, their streams, and everything that accepts and changes jobs. No machines."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self.store = store
        self.clock = clock or ManualClock()
        self.hub = Hub()
        self.log = EventLog(self.hub)
        self.book = JobBook(store, self.clock, self.log, "USD")
        self.reason = WaitingFor.MACHINE_WAKING
        self.submissions = self.new_submissions()
        self.changed: list[Job] = []
        self.book.on_change = self.changed.append
        self.mira = self.noor = Identity("", "", "", "", "", "", None, frozenset(), None)

    def new_submissions(self) -> Submissions:
        return Submissions(self.store, self.clock, self.book, lambda _job: self.reason)

    async def open(self) -> Studio:
        def work(tx: Transaction) -> list[str]:
            tx.conn.execute(insert(teams).values(id="studio", name="Studio", created_at=0.0))
            return [people.add(tx, "studio", name, Role.ARTIST, 0.0) for name in ("Mira", "Noor")]

        ids = await self.store.write(work)
        self.mira, self.noor = (
            Identity("t", artist_id, name, "artist", "studio", "Studio", None, frozenset(), None)
            for artist_id, name in zip(ids, ("Mira", "Noor"), strict=True)
        )
        await self.book.load()
        return self

    async def submit(self, who: Identity | None = None, key: str | None = None, body: str = "", **changes: Any) -> Job:
        asked = request(**changes)
        return await self.submissions.submit(who or self.mira, POOL, asked, key, body or repr(asked))

    async def upload(self, who: Identity, sha256: str, width: int = 512, height: int = 512) -> None:
        size = {"size": 10, "width": width, "height": height}
        await self.store.write(lambda tx: expect_bytes(tx, sha256, 0.0))
        await self.store.write(lambda tx: add_blob(tx, who.artist_id, sha256, "image/png", 0.0, pinned_until=1.0, **size))

    async def pinned_until(self, who: Identity, sha256: str) -> float:
        mine = (blob_grants.c.artist_id == who.artist_id) & (blob_grants.c.sha256 == sha256)
        return await self.store.read(lambda conn: conn.execute(select(blob_grants.c.pinned_until).where(mine)).scalar_one())

    def listen(self, who: Identity | None = None) -> Subscription:
        return self.hub.subscribe((who or self.mira).artist_id)

    async def told(self, who: Identity | None = None, after: int = 0) -> list[Frame]:
        """What is kept of an artist's stream."""
        artist_id = (who or self.mira).artist_id

        def read(conn: Connection) -> list[Frame]:
            stream_id = conn.execute(select(streams.c.stream_id).where(streams.c.artist_id == artist_id)).scalar_one()
            return events.after(conn, artist_id, stream_id, after)

        return await self.store.read(read)
