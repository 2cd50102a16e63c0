"""Brings a finished picture home: stored first, then announced."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from wake_service.blobs.base import BlobInfo
from wake_service.blobs.image import ImageInfo, ImageTooLarge, NotAnImage, read_header
from wake_service.blobs.records import add_blob
from wake_service.blobs.shelf import Shelf
from wake_service.clock import Clock
from wake_service.comfy.client import EngineClient
from wake_service.comfy.events import ImageRef
from wake_service.errors import EngineError
from wake_service.jobs import records
from wake_service.jobs.book import JobBook
from wake_service.jobs.courier import Courier
from wake_service.jobs.events import EventType
from wake_service.jobs.model import Job, JobState, Result, succeeded, with_result
from wake_service.jobs.picture import Picture
from wake_service.store.store import Transaction

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

    def __init__(self, book: JobBook, shelf: Shelf, clock: Clock, max_pixels: int, price_micros_per_hour: int) -> None:
        self._book = book
        self._shelf = shelf
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
        return await self.keep(await client.view(await self._image_of(picture, client)))

    async def keep(self, data: bytes) -> Fetched:
        """Stores what an engine has made. Raises EngineError if it is no picture, StorageError if it cannot be kept."""
        try:
            image = read_header(data, max_pixels=self._max_pixels)
        except (NotAnImage, ImageTooLarge) as error:
            raise EngineError(f"What the engine left is no picture: {error}") from error
        return Fetched(await self._shelf.put(data), image)

    async def announce(self, picture: Picture, fetched: Fetched, finished_at: float) -> None:
        """Tells a stored picture's job. Raises StorageError; fetching it again helps if it was swept while it waited."""
        cost = self._cost(picture, finished_at)
        while (job := self._book.board.get(picture.job_id)) is not None and picture.n in job.missing():
            if await self._announce(job, picture, fetched, cost):
                return

    async def conclude(self, picture: Picture, courier: Courier, finished_at: float) -> None:
        """Ends a workflow whose results its courier has stored. Raises StorageError."""
        cost = self._cost(picture, finished_at)
        while (job := self._book.board.get(picture.job_id)) is not None:
            after = replace(succeeded(job, cost, self._clock.now()), started_at=job.started_at or picture.started_at)
            if await self._book.change(job, after, [EventType.JOB_SUCCEEDED], also=courier.write):
                return

    def _cost(self, picture: Picture, finished_at: float) -> int:
        """In millionths: what the machine cost while it was at it."""
        return round((finished_at - (picture.started_at or finished_at)) * self._price / 3600)

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
        job = replace(job, started_at=job.started_at or picture.started_at)
        seed = (job.painting.seed + picture.n) % 2**64
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
