"""What is true of a running job at this moment, for those who listen: steps, previews, places in the queue. Never stored."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from wake_service.clock import Clock
from wake_service.comfy.events import Preview
from wake_service.jobs.book import JobBook
from wake_service.jobs.events import Event, EventType
from wake_service.jobs.hub import Hub
from wake_service.jobs.model import Job
from wake_service.jobs.picture import Picture

#: How many of an artist's queued jobs are told their new place when the queue moves.
_PLACES_TOLD = 20


class Telling:
    """Tells artists the present state of their jobs, and remembers the newest progress for those who ask (long poll)."""

    def __init__(self, book: JobBook, hub: Hub, clock: Clock) -> None:
        self._book = book
        self._hub = hub
        self._clock = clock
        self._progress: dict[str, Event] = {}
        self.on_step: Callable[[str], None] = lambda _machine_id: None

    def progress(self, picture: Picture) -> None:
        """A picture got further."""
        job, progress = self._book.board.get(picture.job_id), picture.progress
        if job is None or progress is None:
            return
        if progress.step and job.machine_id is not None:
            self.on_step(job.machine_id)
        eta = picture.eta_seconds()
        data = {
            "stage": progress.stage,
            "picture": picture.n,
            "step": progress.step,
            "steps": progress.steps,
            "fraction": round(progress.fraction, 4),
            "eta_seconds": None if eta is None else round(eta, 1),
        }
        event = Event(EventType.JOB_PROGRESS, self._clock.now(), orjson.dumps(data), job.id, job.machine_id)
        self._progress[job.id] = event
        self._book.events.present(job.artist_id, event)

    def ended(self, job: Job) -> None:
        """A job has ended: its progress is of no interest any more."""
        self._progress.pop(job.id, None)

    def preview(self, picture: Picture, preview: Preview) -> None:
        """A picture of the work so far."""
        job = self._book.board.get(picture.job_id)
        if job is None:
            return
        step, steps = (picture.progress.step, picture.progress.steps) if picture.progress else (None, None)
        header = {"job": job.id, "picture": picture.n, "step": step, "steps": steps, "media_type": preview.media_type}
        self._book.events.preview(job.artist_id, header, preview.data)

    def newest_progress(self, artist_id: str) -> list[Event]:
        """The newest progress of each of an artist's running jobs."""
        mine = {job.id for job in self._book.board.of_artist(artist_id)}
        return [event for job_id, event in self._progress.items() if job_id in mine]

    def queue_moved(self) -> None:
        """Tells everybody who listens where their first queued jobs stand now."""
        for artist_id in self._hub.listening():
            mine = self._book.board.of_artist(artist_id)
            queued = [job for job in mine if job.started_at is None and not (job.is_workflow or job.gathered)]
            for job in queued[:_PLACES_TOLD]:
                outlook = self._book.outlook(job)
                eta = None if outlook.eta_seconds is None else round(outlook.eta_seconds, 1)
                data = orjson.dumps({"ahead": outlook.ahead, "eta_seconds": eta})
                self._book.events.present(artist_id, Event(EventType.QUEUE_CHANGED, self._clock.now(), data, job.id))
