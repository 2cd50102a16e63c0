"""Her pictures on their way, from the press of the button until delivery.py makes layers of them.

    begin → capture → (encode) write_down → (send) send → events → delivery

The words in brackets are lanes; everything else happens in the GUI thread. The journal decides what is still owed to her.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import Any

from ..canvas.base import Canvas, NoDocument
from ..canvas.region import ModelSize, RegionSettings
from ..client.errors import Problem, ServiceError, Stopped
from ..client.model import Cancelled, Failure, Job, Machine, Price
from ..client.service import Service, is_lasting
from ..i18n import tr
from ..journal import Entry, Journal, new_key
from ..qt import QImage, QObject, QTimer, Signal
from .delivery import Delivery
from .link import Link
from .progress import Progress
from .request import PaintRequest
from .sending import send, write_down
from .under_way import UnderWay
from .words import Notice, disk_notice

_LONGEST_PAUSE = 30.0


class Work(QObject):
    """`changed()`: something on the way has moved; `told(Notice)`: a sentence for the error line; `withdrawn(Cancelled)`: the
    service has let go of a job."""

    changed = Signal()
    told = Signal(object)
    withdrawn = Signal(object)

    def __init__(self, link: Link, canvas: Canvas, journal: Journal) -> None:
        super().__init__()
        self._link = link
        self._canvas = canvas
        self._journal = journal
        self._delivery = Delivery(link, canvas, journal, self._later)
        self._delivery.changed.connect(self.changed)
        self._delivery.told.connect(self.told)
        self._delivery.lost.connect(self._drop)
        self._delivery.done.connect(lambda picture: self.pictures.pop(picture.key, None))
        self.machine: Machine | None = None
        self.pictures: dict[str, UnderWay] = {}

    def resume(self) -> None:
        """Takes up what an earlier run of Krita left."""
        self._link.lanes.run("disk", self._journal.entries, self._resumed, self._not_written)

    def begin(self, request: PaintRequest, settings: RegionSettings, model: ModelSize) -> None:
        """One press of the button. What she sees changes now; the region is read as soon as that is on screen."""
        plan = self._canvas.plan(settings, model)
        asleep = self.machine is not None and not self.machine.awake
        progress = Progress.begin(
            time.monotonic(), asleep=asleep, wake_seconds=self.machine.wake_seconds if self.machine else None
        )
        picture = UnderWay(
            new_key(), plan.area, request.name, self._canvas.active_document() or "", request.count, progress, sending=True
        )
        self.pictures[picture.key] = picture
        self.changed.emit()
        QTimer.singleShot(0, lambda: self._capture(picture, request, settings, model))

    def cancel(self, picture: UnderWay) -> None:
        """She does not want it any more. It is off the docker at once, and off the service as soon as that is reachable."""
        picture.cancelled = True
        job_id = picture.job_id
        if job_id is not None:
            self._note(picture, cancelled=True)
            self._link.ask(
                "ask",
                partial(Service.cancel, job_id=job_id),
                partial(self._cancelled, picture),
                partial(self._not_cancelled, picture),
            )
        elif not picture.sending:
            self._drop(picture)
        self.changed.emit()

    def withdraw(self, key: str) -> bool:
        """Lets go of the picture with a key or a job's id; whether there is one in this Krita."""
        picture = self.pictures.get(key) or self.of_job(key)
        if picture is not None and not picture.cancelled:
            self.cancel(picture)
        return picture is not None

    def online(self) -> None:
        """The service is back: send what could not be sent, cancel what should not be, fetch what is ready."""
        for picture in list(self.pictures.values()):
            if picture.cancelled:
                self.cancel(picture)
            elif picture.job_id is None:
                self._send(picture)
            elif picture.job is None:
                self._ask_about(picture, picture.job_id)
            else:
                self._delivery.collect(picture)

    def take(self, envelope: dict[str, Any]) -> None:
        """One event of the stream."""
        kind, data = envelope["type"], envelope["data"]
        if kind == "snapshot":
            jobs = [Job.parse(each) for each in data["jobs"]]
            for job in jobs:
                self._follow(job)
            self._look_up({job.id for job in jobs})
        elif kind == "job.progress":
            picture = self.of_job(envelope["job"])
            if picture is not None and data.get("steps"):
                picture.sampled(int(data.get("picture") or 0), int(data.get("step") or 0), int(data["steps"]))
        elif kind.startswith("job."):
            self._follow(Job.parse(data["job"]))
        self.changed.emit()

    def machine_changed(self, machine: Machine | None) -> None:
        """The machine that is talked about has changed."""
        self.machine = machine
        if machine is not None:
            for picture in self.pictures.values():
                picture.watch(machine)

    def of_job(self, job_id: str | None) -> UnderWay | None:
        """The picture that a job belongs to."""
        return next((each for each in self.pictures.values() if each.job is not None and each.job.id == job_id), None)

    def parked_for(self, document_id: str | None) -> list[UnderWay]:
        """Finished pictures that wait to be shown in a document; those for a document that never had a name fit any."""
        parked = (each for each in self.pictures.values() if each.parked and not each.cancelled)
        return [each for each in parked if document_id is not None and self._delivery.located(each, document_id) == document_id]

    def show(self, pictures: list[UnderWay], document_id: str) -> None:
        """She asked for pictures that were parked."""
        for picture in pictures:
            picture.parked, picture.earlier, picture.document_id = False, False, document_id
            self._delivery.collect(picture)
        self.changed.emit()

    def documents_changed(self) -> None:
        """A document was opened or closed: what waits for it may go on."""
        for picture in self.pictures.values():
            if picture.job is not None and not picture.parked:
                self._delivery.collect(picture)

    # The way out.

    def _capture(self, picture: UnderWay, request: PaintRequest, settings: RegionSettings, model: ModelSize) -> None:
        if picture.cancelled:
            self._drop(picture)
            return
        try:
            capture = self._canvas.capture(settings, model, request.need_image, request.need_mask)
        except NoDocument as error:
            self._drop(picture, Notice(str(error)))
            return
        self._link.lanes.run(
            "encode",
            lambda: write_down(self._canvas, self._journal, capture, request, picture.key),
            lambda written: self._written(picture, *written),
            lambda error: self._drop(picture, disk_notice(error)),
        )

    def _written(self, picture: UnderWay, entry: Entry, alpha: QImage | None) -> None:
        picture.entry, picture.alpha, picture.sending = entry, alpha, False
        self._send(picture)
        self.changed.emit()

    def _send(self, picture: UnderWay) -> None:
        if picture.cancelled:
            if not picture.sending:
                self._drop(picture)
            return
        if picture.sending or picture.entry is None or picture.job_id is not None or self._link.service is None:
            return
        picture.sending, entry = True, picture.entry
        self._link.ask(
            "send",
            lambda service: send(service, self._journal, entry),
            lambda sent: self._sent(picture, *sent),
            lambda error: self._not_sent(picture, error),
        )

    def _sent(self, picture: UnderWay, entry: Entry, job: Job, price: Price) -> None:
        picture.entry, picture.price, picture.sending, picture.retries = entry, price, False, 0
        if picture.job is None:  # otherwise the stream was faster, and knows newer things
            picture.job = job
        if picture.cancelled:
            self.cancel(picture)
        else:
            self._follow(picture.job)
        self.changed.emit()

    def _not_sent(self, picture: UnderWay, error: Exception) -> None:
        picture.sending = False
        if picture.cancelled and picture.job is None and not isinstance(error, Stopped):
            self.cancel(picture)
        elif not isinstance(error, ServiceError):
            self._drop(picture, disk_notice(error))
        elif isinstance(error, Problem) and is_lasting(error):
            self._drop(picture, Notice(error.title, error.hint))
        elif not isinstance(error, Stopped):
            self.told.emit(Notice(error.title, error.hint))
            self._later(picture, error)
        self.changed.emit()

    def _cancelled(self, picture: UnderWay, cancelled: Cancelled) -> None:
        self._drop(picture)
        self.withdrawn.emit(cancelled)

    def _not_cancelled(self, picture: UnderWay, error: Exception) -> None:
        if isinstance(error, Problem) and is_lasting(error):
            self._drop(picture)  # the service does not know it: there is nothing to cancel

    # The way back.

    def _follow(self, job: Job) -> None:
        picture = self.pictures.get(job.reference or "") or self.of_job(job.id)
        if picture is None:
            return
        picture.follow(job, self.machine)
        if job.state == "failed" and not picture.cancelled:
            failure = job.error or Failure("", tr("The picture could not be made."))
            self._drop(picture, Notice(failure.message, failure.hint))
        elif job.state in ("failed", "cancelled"):
            self._drop(picture)
        elif not picture.cancelled:
            self._delivery.collect(picture)

    def _look_up(self, known: set[str]) -> None:
        """Asks about jobs that a snapshot left out: finished long ago, or unknown to this service."""
        for picture in list(self.pictures.values()):
            if picture.job_id is not None and picture.job_id not in known:
                self._ask_about(picture, picture.job_id)

    def _ask_about(self, picture: UnderWay, job_id: str) -> None:
        self._link.ask("ask", partial(Service.job, job_id=job_id), self._looked_up, partial(self._not_found, picture))

    def _looked_up(self, job: Job) -> None:
        self._follow(job)
        self.changed.emit()

    def _not_found(self, picture: UnderWay, error: Exception) -> None:
        if isinstance(error, Problem) and error.status == 404:
            # Another service, or one that lost its memory: the journal still knows what she wanted.
            picture.job, picture.entry = None, picture.entry and replace(picture.entry, job_id=None)
            self._send(picture)

    # The journal, and trying again.

    def _resumed(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.key not in self.pictures:
                self.pictures[entry.key] = UnderWay.resumed(entry, time.monotonic())
        self.online()
        self.changed.emit()

    def _later(self, picture: UnderWay, error: ServiceError) -> None:
        """The next attempt, unless the stream comes back first."""
        asked = error.extra.get("retry_after") if isinstance(error, Problem) else None
        picture.retries += 1
        pause = float(asked or min(_LONGEST_PAUSE, 2.0**picture.retries))
        QTimer.singleShot(int(pause * 1000), lambda: self._again(picture))

    def _again(self, picture: UnderWay) -> None:
        if self.pictures.get(picture.key) is picture:
            if picture.job_id is None:
                self._send(picture)
            else:
                self._delivery.collect(picture)

    def _note(self, picture: UnderWay, **changes: Any) -> None:
        entry = picture.entry
        if entry is not None:
            self._link.lanes.run("disk", lambda: self._journal.update(entry, **changes), failed=self._not_written)

    def _drop(self, picture: UnderWay, notice: Notice | None = None) -> None:
        self.pictures.pop(picture.key, None)
        self._link.lanes.run("disk", lambda: self._journal.remove(picture.key), failed=self._not_written)
        if notice is not None:
            self.told.emit(notice)
        self.changed.emit()

    def _not_written(self, error: Exception) -> None:
        self.told.emit(disk_notice(error))
