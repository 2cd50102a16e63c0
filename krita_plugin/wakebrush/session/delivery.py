"""The way back: announced results are put on disk, each once, and then told to the results list.

    collect → (fetch) result, decode, journal.receive → landed

The word in brackets is a lane. `taken` and `kept` of a picture keep a result that is announced twice from arriving twice; the
journal does the same across a restart. Whether her document is open does not matter here: see results.py.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..canvas.resample import scaled
from ..client.errors import ServiceError, Stopped
from ..client.model import Result
from ..client.service import Service, is_lasting
from ..i18n import tr
from ..journal import Entry, Journal, Mark
from ..qt import QImage, QObject, QSize, Qt, Signal
from .link import Link
from .pictures import decode, encode
from .under_way import UnderWay
from .words import Notice, disk_notice

#: The longer side of a thumbnail, in pixels: sharp on screens of two device pixels each.
THUMBNAIL = 160


@dataclass(frozen=True)
class Landing:
    """Result `mark.n` of an entry is on disk."""

    entry: Entry
    mark: Mark
    thumbnail: QImage


class Delivery(QObject):
    """`landed(Landing)`: a result is on disk; `settled(picture)`: it is there or lost; `told(Notice)`: a sentence for her."""

    landed = Signal(object)
    settled = Signal(object)
    told = Signal(object)

    def __init__(
        self,
        link: Link,
        journal: Journal,
        again: Callable[[UnderWay, Exception], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._link = link
        self._journal = journal
        self._again = again
        self._now = now
        self._started_at = now()

    def collect(self, picture: UnderWay) -> None:
        """Fetches what is announced and not taken yet."""
        if picture.entry is None or picture.job is None or self._link.service is None:
            return
        finished_at = picture.job.finished_at
        offered = picture.earlier and finished_at is not None and finished_at < self._started_at
        for result in picture.wanted:
            picture.taken.add(result.n)
            self._link.ask(
                "fetch",
                partial(self._fetch, picture.entry, picture.job.id, result, offered),
                partial(self._fetched, picture, result.n),
                partial(self._not_fetched, picture, result.n),
            )

    def _fetch(self, entry: Entry, job_id: str, result: Result, offered: bool, service: Service) -> Landing | None:
        content = service.result(job_id, result.n, result.sha256)
        thumbnail = small(decode(content))
        mark = Mark(result.n, result.seed, result.sha256, self._now(), offered=offered)
        present = self._journal.receive(entry.key, mark, content)
        if present is None:
            return None
        with contextlib.suppress(OSError):  # it is made again when it is missing
            self._journal.cache(entry.key, f"thumbnail-{result.n}", encode(thumbnail))
        return Landing(present, mark, thumbnail)

    def _fetched(self, picture: UnderWay, n: int, landing: Landing | None) -> None:
        picture.kept.add(n)
        picture.arrived()
        if landing is not None:
            self.landed.emit(landing)
        self.settled.emit(picture)

    def _not_fetched(self, picture: UnderWay, n: int, error: Exception) -> None:
        if isinstance(error, Stopped):
            picture.taken.discard(n)
        elif isinstance(error, OSError) or (isinstance(error, ServiceError) and not is_lasting(error)):
            picture.taken.discard(n)
            if isinstance(error, OSError):
                self.told.emit(full_disk(error))
            self._again(picture, error)
        else:
            self._lose(picture, n, error)

    def _lose(self, picture: UnderWay, n: int, error: Exception) -> None:
        """It cannot be had any more: that is said, and the others don't wait for it."""
        if isinstance(error, ServiceError):
            self.told.emit(Notice(error.title, error.hint))
        elif isinstance(error, ValueError):
            self.told.emit(
                Notice(tr("What the service sent is no picture."), tr("Press the button again; if it stays so, tell your admin."))
            )
        else:
            self.told.emit(disk_notice(error))
        picture.kept.add(n)
        self._link.lanes.run("disk", partial(self._journal.mark, picture.key, n, discarded=True), failed=self._not_noted)
        self.settled.emit(picture)

    def _not_noted(self, error: Exception) -> None:
        self.told.emit(disk_notice(error))


def small(image: QImage) -> QImage:
    """A thumbnail of it."""
    if max(image.width(), image.height()) <= THUMBNAIL:
        return image.convertToFormat(QImage.Format.Format_RGB32)
    size = image.size().scaled(THUMBNAIL, THUMBNAIL, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1))
    return scaled(image, size.width(), size.height()).convertToFormat(QImage.Format.Format_RGB32)


def full_disk(error: OSError) -> Notice:
    """For a result that finds no room here."""
    return Notice(
        tr("A finished picture could not be put on your disk ({reason}).", reason=error.strerror or str(error)),
        tr("The service keeps it. Make room in your user folder; it is fetched again by itself."),
    )
