"""The way back: announced results become layers, each once.

    collect → (fetch) result, prepare → canvas.insert → (disk) journal.inserted

The words in brackets are lanes. `taken` and `layers` of a picture keep a result that is announced twice from becoming two layers;
the journal does the same across a restart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..canvas.base import Canvas, LayerPixels, UnreadablePicture
from ..client.errors import ServiceError
from ..client.model import Result
from ..client.service import Service, is_lasting
from ..i18n import tr
from ..journal import Journal
from ..qt import QImage, QObject, Signal
from .link import Link
from .pictures import decode
from .under_way import UnderWay
from .words import Notice, disk_notice


class Delivery(QObject):
    """`changed()`: something moved; `told(Notice)`: a sentence for her; `done(picture)`: all its layers are there;
    `lost(picture, Notice)`: it cannot be had any more."""

    changed = Signal()
    told = Signal(object)
    done = Signal(object)
    lost = Signal(object, object)

    def __init__(self, link: Link, canvas: Canvas, journal: Journal, again: Callable[[UnderWay, ServiceError], None]) -> None:
        super().__init__()
        self._link = link
        self._canvas = canvas
        self._journal = journal
        self._again = again
        self._started_at = time.time()

    def collect(self, picture: UnderWay) -> None:
        """Fetches what is announced and not taken yet.

        A picture is parked instead when its document is closed, or when Krita was closed while it was finished.
        """
        if picture.cancelled or picture.parked or picture.entry is None or picture.job is None or not picture.wanted:
            return
        finished_at = picture.job.finished_at
        document_id = self.located(picture)
        if document_id is None or (picture.earlier and finished_at is not None and finished_at < self._started_at):
            picture.parked = True
            if document_id is None and picture.path:  # without a path the offer says all there is to say
                self.told.emit(_closed_notice(picture.path))
            self.changed.emit()
            return
        picture.document_id = document_id
        for result in picture.wanted:
            picture.taken.add(result.n)
            self._link.ask(
                "fetch",
                partial(self._fetch, picture, picture.job.id, result),
                partial(self._fetched, picture, result.n),
                partial(self._not_fetched, picture, result.n),
            )

    def located(self, picture: UnderWay, active: str | None = None) -> str | None:
        """The open document it belongs to. `active` stands in for one that was never saved and is gone."""
        if picture.document_id and self._canvas.is_open(picture.document_id):
            return picture.document_id
        if picture.path:
            return self._canvas.find(picture.path)
        return active

    def _fetch(self, picture: UnderWay, job_id: str, result: Result, service: Service) -> LayerPixels:
        alpha = picture.alpha
        if alpha is None and picture.entry is not None and picture.entry.has_alpha:
            alpha = decode(self._journal.picture(picture.key, "alpha") or b"").convertToFormat(QImage.Format.Format_Grayscale8)
        return self._canvas.prepare(service.result(job_id, result.n, result.sha256), picture.area, alpha)

    def _fetched(self, picture: UnderWay, n: int, layer: LayerPixels) -> None:
        if picture.cancelled:
            return
        picture.arrived()
        name = picture.name if picture.count == 1 else f"{picture.name} ({n + 1})"
        self._canvas.insert(picture.document_id, layer, name, partial(self._inserted, picture, n))
        self.changed.emit()

    def _inserted(self, picture: UnderWay, n: int, problem: str | None) -> None:
        if problem is not None:
            picture.taken.discard(n)
            picture.parked = True
            self.told.emit(Notice(problem))
        else:
            picture.layers.add(n)
            entry, layers = picture.entry, set(picture.layers)
            assert entry is not None  # it was on disk before the picture was asked for
            self._link.lanes.run("disk", lambda: self._journal.inserted(entry, layers), failed=self._not_noted)
            if picture.done:
                self.done.emit(picture)
        self.changed.emit()

    def _not_noted(self, error: Exception) -> None:
        self.told.emit(disk_notice(error))

    def _not_fetched(self, picture: UnderWay, n: int, error: Exception) -> None:
        picture.taken.discard(n)
        if isinstance(error, UnreadablePicture):
            self.lost.emit(picture, Notice(str(error)))
        elif not isinstance(error, ServiceError):
            self.lost.emit(picture, disk_notice(error))
        elif is_lasting(error):
            self.lost.emit(picture, Notice(error.title, error.hint))
        else:
            self._again(picture, error)


def _closed_notice(path: str) -> Notice:
    name = Path(path).name
    return Notice(tr("A picture is finished for “{name}”, which is closed.", name=name), tr("Open it to get the picture."))
