"""Brings a finished picture home: stored first, then announced."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from wake_service.blobs.base import BlobInfo, BlobStore
from wake_service.blobs.image import ImageInfo, ImageTooLarge, NotAnImage, read_header
from wake_service.clock import Clock
from wake_service.comfy.client import EngineClient
from wake_service.comfy.events import ImageRef
from wake_service.errors import EngineError
from wake_service.jobs import records
from wake_service.jobs.book import JobBook
from wake_service.jobs.events import EventType
from wake_service.jobs.model import Job, JobState, Result, with_result
from wake_service.jobs.picture import Picture
from wake_service.store.store import Transaction
from wake_service.store.tables import blob_grants, blobs

#: An engine writes its history just after it has announced the end; asked for where the announcement was missed.
_HISTORY_TRIES = 10
_HISTORY_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Fetched:
    """A picture that is in the blob store."""

    blob: BlobInfo
    image: ImageInfo


class Collector:
    """Fetches one engine's pictures into the blob store. `max_pixels` bounds what the engine may answer with."""

    def __init__(self, book: JobBook, blob_store: BlobStore, clock: Clock, max_pixels: int, price_micros_per_hour: int) -> None:
        self._book = book
        self._blobs = blob_store
        self._clock = clock
        self._max_pixels = max_pixels
        self._price = price_micros_per_hour

    async def fetch(self, picture: Picture, client: EngineClient) -> Fetched | None:
        """Stores the picture; None when nobody wants it any more.

        Raises EngineError if the engine has none, StorageError if it cannot be kept.
        """
        job = self._book.board.get(picture.job_id)
        if job is None or picture.n not in job.missing():
            return None
        data = await client.view(await self._image_of(picture, client))
        try:
            image = read_header(data, max_pixels=self._max_pixels)
        except (NotAnImage, ImageTooLarge) as error:
            raise EngineError(f"What the engine left is no picture: {error}") from error
        return Fetched(await self._blobs.put(data), image)

    async def announce(self, picture: Picture, fetched: Fetched, finished_at: float) -> None:
        """Tells a stored picture's job. Raises StorageError."""
        seconds = finished_at - (picture.started_at or finished_at)
        cost = round(seconds * self._price / 3600)
        while (job := self._book.board.get(picture.job_id)) is not None and picture.n in job.missing():
            if await self._announce(job, picture, fetched, cost):
                return

    async def _image_of(self, picture: Picture, client: EngineClient) -> ImageRef:
        """Where the engine left the picture: it said so, or its history does (a little after it says that it has finished)."""
        for _ in range(_HISTORY_TRIES):
            if picture.images:
                return picture.images[0]
            entry = await client.history(picture.prompt_id)
            picture.images = entry.images if entry else ()
            if not picture.images:
                await self._clock.sleep(_HISTORY_PAUSE)
        raise EngineError("The engine says it has finished, but left no picture.")

    async def _announce(self, job: Job, picture: Picture, fetched: Fetched, cost: int) -> Job | None:
        blob, image = fetched.blob, fetched.image
        now = self._clock.now()
        seed = (job.request.seed + picture.n) % 2**64
        result = Result(picture.n, blob.sha256, image.media_type, image.width, image.height, blob.size, seed)
        after = with_result(job, result, cost, now)
        kinds = [EventType.JOB_RESULT]
        if after.state is JobState.SUCCEEDED:
            kinds.append(EventType.JOB_SUCCEEDED)
        return await self._book.change(job, after, kinds, also=partial(record_result, job, result, now), result=result)


def record_result(job: Job, result: Result, now: float, tx: Transaction) -> None:
    """Writes a stored picture down, and that its artist may see it."""
    size = {"size": result.size, "width": result.width, "height": result.height}
    add_blob(tx, job.artist_id, result.sha256, result.media_type, now, pinned_until=now, **size)
    records.add_result(tx, job, result, now)


def add_blob(
    tx: Transaction, artist_id: str, sha256: str, media_type: str, now: float, *, pinned_until: float, **size: int
) -> None:
    """Writes a blob down and grants it to an artist; both may be known already."""
    dialect = postgresql if tx.conn.dialect.name == "postgresql" else sqlite
    known = tx.conn.execute(select(blobs.c.sha256).where(blobs.c.sha256 == sha256)).first()
    if known is None:
        values = {"sha256": sha256, "media_type": media_type, "created_at": now, **size}
        tx.conn.execute(dialect.insert(blobs).values(**values).on_conflict_do_nothing())
    grant = dialect.insert(blob_grants).values(artist_id=artist_id, sha256=sha256, pinned_until=pinned_until)
    longer = {"pinned_until": grant.excluded.pinned_until}
    where = blob_grants.c.pinned_until < grant.excluded.pinned_until
    tx.conn.execute(grant.on_conflict_do_update(index_elements=["artist_id", "sha256"], set_=longer, where=where))
