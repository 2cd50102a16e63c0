"""Her pictures on their way, from the press of the button until delivery.py has put them on disk.

    begin → capture → (encode) write_down → (send) send → events → delivery

The words in brackets are lanes; everything else happens in the GUI thread. The journal decides what is still owed to her.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import Any

from ..canvas.base import Canvas, Capture, NoDocument
from ..client.errors import Problem, ServiceError, Stopped
from ..client.model import Cancelled, Failure, Job, Machine, Price
from ..client.service import Service, is_lasting
from ..i18n import tr
from ..journal import Entry, Journal, Kept, new_key
from ..qt import NEXT_TURN_MS, QObject, QTimer, Signal
from .delivery import Delivery
from .link import Link
from .planned import Planned
from .progress import Progress
from .request import PaintRequest
from .sending import Outbox, Press, Sheet
from .under_way import UnderWay
from .words import Notice, disk_notice

_LONGEST_PAUSE = 30.0


class Work(QObject):
    """`changed()`: something on the way has moved; `told(Notice)`: a sentence for the error line; `landed(Landing)`: a result is
    on disk; `ended(Entry)`: no more of its results will come; `withdrawn(Cancelled)`: the service has let go of a job."""

    changed = Signal()
    told = Signal(object)
    landed = Signal(object)
    ended = Signal(object)
    withdrawn = Signal(object)

    def __init__(self, link: Link, canvas: Canvas, journal: Journal) -> None:
        super().__init__()
        self._link = link
        self._canvas = canvas
        self._journal = journal
        self._outbox = Outbox(canvas, journal)
        self._delivery = Delivery(link, journal, self._later)
        self._delivery.landed.connect(self.landed)
        self._delivery.told.connect(self.told)
        self._delivery.settled.connect(self._settled)
        self.machine: Machine | None = None
        self.pictures: dict[str, UnderWay] = {}

    def resume(self) -> None:
        """Takes up what an earlier run of Krita left."""
        self._link.lanes.run("disk", self._journal.all, self._resumed, self._not_written)

    def begin(self, request: PaintRequest, planned: Planned) -> None:
        """One press of the button. What she sees changes now; the regions are read as soon as that is on screen."""
        asleep = self.machine is not None and not self.machine.awake
        progress = Progress.begin(
            time.monotonic(), asleep=asleep, wake_seconds=self.machine.wake_seconds if self.machine else None
        )
        document_id = self._canvas.active_document() or ""
        parts: list[tuple[UnderWay, ...]] = []
        press = Press(new_key(), request, planned)
        for number, region in enumerate(planned.plan.regions):
            parts.append(
                tuple(
                    UnderWay(
                        key=press.key if number == order.offset == 0 else new_key(),
                        area=region.area,
                        name=request.name,
                        document_id=document_id,
                        count=order.count,
                        press=press.key,
                        progress=progress,
                        sending=True,
                    )
                    for order in request.orders
                )
            )
        self.pictures.update({picture.key: picture for pictures in parts for picture in pictures})
        self.changed.emit()
        QTimer.singleShot(NEXT_TURN_MS, lambda: self._capture(press, parts))

    def cancel_press(self, press: str) -> None:
        """She wants none of the pictures of one press any more."""
        for picture in [each for each in self.pictures.values() if each.press == press]:
            self.cancel(picture)

    def cancel(self, picture: UnderWay) -> None:
        """She does not want it any more. It is off the docker at once, and off the service as soon as that is reachable."""
        picture.cancelled = True
        job_id = picture.job_id
        if job_id is not None:
            self._note(picture, cancelled=True)
            if self._elsewhere(picture):
                self.changed.emit()
                return
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
        """Lets go of a press, named by itself or by one of its jobs; whether it is one of this Krita."""
        presses = {each.press for each in self.pictures.values() if key in (each.press, each.job_id)}
        for picture in [each for each in self.pictures.values() if each.press in presses and not each.cancelled]:
            self.cancel(picture)
        return bool(presses)

    def online(self) -> None:
        """The service is back: send what could not be sent, cancel what should not be, fetch what is ready."""
        for picture in list(self.pictures.values()):
            if self._elsewhere(picture):
                continue
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

    # The way out.

    def _capture(self, press: Press, parts: list[tuple[UnderWay, ...]]) -> None:
        """Reads all regions in one turn, so that they belong together however fast she paints on."""
        for number, pictures in enumerate(parts):
            wanted = [picture for picture in pictures if not picture.cancelled]
            try:
                capture = self._canvas.capture(press.planned.plan, number, press.planned.source) if wanted else None
            except NoDocument as error:
                self.told.emit(Notice(str(error)))
                for picture in (each for later in parts[number:] for each in later):
                    self._drop(picture)
                return
            for picture in pictures:
                if picture.cancelled:
                    self._drop(picture)
            if capture is not None:
                self._write_down(press, capture, number, pictures)

    def _write_down(self, press: Press, capture: Capture, part: int, pictures: tuple[UnderWay, ...]) -> None:
        by_key = {picture.key: picture for picture in pictures if not picture.cancelled}
        orders = zip(pictures, press.request.orders, strict=True)
        sheets = tuple(Sheet(picture.key, order) for picture, order in orders if picture.key in by_key)

        def written(entries: tuple[Entry, ...]) -> None:
            for entry in entries:
                self._written(by_key[entry.key], entry)

        def failed(error: Exception) -> None:
            self.told.emit(disk_notice(error))
            for picture in by_key.values():
                self._drop(picture)

        self._link.lanes.run("encode", lambda: self._outbox.write_down(press, capture, part, sheets), written, failed)

    def _written(self, picture: UnderWay, entry: Entry) -> None:
        picture.entry, picture.sending = entry, False
        self._send(picture)
        self.changed.emit()

    def _send(self, picture: UnderWay) -> None:
        if picture.cancelled:
            if not picture.sending:
                self._drop(picture)
            return
        if picture.sending or picture.entry is None or picture.job_id is not None or self._link.service is None:
            return
        if self._elsewhere(picture):
            return
        entry = replace(picture.entry, service=self._link.service.connection.profile)
        picture.sending, picture.entry = True, entry
        self._link.ask(
            "send",
            lambda service: self._outbox.send(service, entry),
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
        if job.state == "failed" and not picture.cancelled and not picture.ended:
            failure = job.error or Failure("", tr("The picture could not be made."))
            self.told.emit(Notice(failure.message, failure.hint))
        picture.ended = picture.ended or job.state in ("failed", "cancelled")
        self._delivery.collect(picture)
        self._settled(picture)

    def _look_up(self, known: set[str]) -> None:
        """Asks about jobs that a snapshot left out: finished long ago, or unknown to this service."""
        for picture in list(self.pictures.values()):
            if picture.job_id is not None and picture.job_id not in known and not self._elsewhere(picture):
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

    def _elsewhere(self, picture: UnderWay) -> bool:
        """Whether it was sent to another of her services than the one in use: nobody else is told of it, and it waits."""
        entry = picture.entry
        return self._link.service is not None and entry is not None and not self._link.serves(entry.service)

    # The journal, and trying again.

    def _resumed(self, found: list[Kept]) -> None:
        for kept in found:
            if kept.owed and kept.entry.key not in self.pictures:
                self.pictures[kept.entry.key] = UnderWay.resumed(kept.entry, set(kept.marks), time.monotonic())
        self.online()
        self.changed.emit()

    def _later(self, picture: UnderWay, error: Exception) -> None:
        """The next attempt, unless the stream comes back first."""
        asked = error.extra.get("retry_after") if isinstance(error, Problem) else None
        picture.retries += 1
        pause = float(asked or min(_LONGEST_PAUSE, 2.0**picture.retries))
        QTimer.singleShot(int(pause * 1000), lambda: self._again(picture))

    def _again(self, picture: UnderWay) -> None:
        if self.pictures.get(picture.key) is picture and not self._elsewhere(picture):
            if picture.job_id is None:
                self._send(picture)
            else:
                self._delivery.collect(picture)

    def _note(self, picture: UnderWay, **changes: Any) -> None:
        entry = picture.entry
        if entry is not None:
            self._link.lanes.run("disk", lambda: self._journal.update(entry, **changes), failed=self._not_written)

    def _drop(self, picture: UnderWay, notice: Notice | None = None) -> None:
        """No more of it will come. What is on disk, or on its way there, stays."""
        picture.ended = True
        if notice is not None:
            self.told.emit(notice)
        self._settled(picture)

    def _settled(self, picture: UnderWay) -> None:
        """Lets go of a picture when all that will come is here."""
        if picture.done and self.pictures.pop(picture.key, None) is not None:
            self._link.lanes.run("disk", lambda: self._journal.close(picture.key), failed=self._not_written)
            if picture.entry is not None:
                self.ended.emit(picture.entry)
        self.changed.emit()

    def _not_written(self, error: Exception) -> None:
        self.told.emit(disk_notice(error))
