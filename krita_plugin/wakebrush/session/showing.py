"""What lies over the canvas: the result under the mouse, else the one that is pinned. Never a node of the document."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..canvas.base import Canvas, Part, UnreadablePicture
from ..client.errors import ServiceError
from ..client.service import Service
from ..i18n import tr
from ..journal import Journal, Mark
from ..qt import QImage, QObject, Signal
from .items import Item, Piece
from .link import Link
from .prepared import Missing, Prepared, Shelf, prepare, together
from .words import Notice, disk_notice


class Showing(QObject):
    """Prepares items off the GUI thread and lays one of them over the canvas.

    `changed()`: what is seen is another; `fetched(id)`: its pictures are on this computer now; `told(Notice)`. `enlarged`: what
    the docker shows instead, where nothing can lie over the canvas.
    """

    changed = Signal()
    fetched = Signal(str)
    told = Signal(object)

    def __init__(self, link: Link, canvas: Canvas, journal: Journal, service_name: Callable[[str], str] = lambda _: "") -> None:
        """`service_name`: what one of her services is called, by its id; '' for one that is not hers."""
        super().__init__()
        self._service_name = service_name
        self._link = link
        self._canvas = canvas
        self._journal = journal
        self._shelf = Shelf()
        self._begun: set[str] = set()
        self._waiting: dict[str, list[tuple[Callable[[Prepared], None], Callable[[], None]]]] = {}
        self._item: Item | None = None
        self._document_id: str | None = None
        self._wipe: float | None = None
        self.shown = ""
        self.enlarged: QImage | None = None

    def show(self, item: Item | None, document_id: str | None) -> None:
        """Shows an item over a document as soon as it is prepared; None: nothing. What was shown is gone at once."""
        before = None if self._item is None else self._item.id
        if before == (None if item is None else item.id) and self._document_id == document_id:
            return
        self._item, self._document_id = item, document_id
        self._hide()
        if item is not None:
            prepared = self._shelf.get(item.id)
            if prepared is None:
                self._begin(item)
            else:
                self._lay(prepared)

    def wipe(self, fraction: float | None) -> None:
        """Only what is left of this fraction of the picture's width is seen; None: all of it."""
        self._wipe = fraction
        prepared = self._shelf.get(self.shown)
        if prepared is not None:
            self._lay(prepared)

    def prepare(self, item: Item, then: Callable[[Prepared], None], failed: Callable[[], None]) -> None:
        """Hands an item on as soon as it is decoded, whether anybody looks at it or not; `failed` when it cannot be had."""
        prepared = self._shelf.get(item.id)
        if prepared is not None:
            then(prepared)
            return
        self._waiting.setdefault(item.id, []).append((then, failed))
        self._begin(item)

    def waits_at(self, item: Item) -> str:
        """The name of another of her services than the one in use, that alone has a picture of this item; '' for none."""
        others = (self._elsewhere(piece) for piece in item.pieces if piece.mark.remote)
        return next(filter(None, others), "")

    def drop(self, item_id: str) -> None:
        """It is not needed any more."""
        self._shelf.drop(item_id)

    def _begin(self, item: Item) -> None:
        if item.id in self._begun:
            return
        self._begun.add(item.id)
        remote = any(piece.mark.remote for piece in item.pieces)
        fetch = partial(self._fetch, self._link.service) if remote else (lambda piece: None)

        def work() -> Prepared | None:
            return prepare(self._canvas, self._journal, item, fetch) if self._is_awaited(item.id) else None

        lane = "fetch" if remote else "peek"
        self._link.lanes.run(lane, work, partial(self._prepared, item), partial(self._not_prepared, item))

    def _is_awaited(self, item_id: str) -> bool:
        """Whether the mouse is still on it, or somebody waits for it. Asked in worker threads too."""
        looked_at = self._item
        return item_id in self._waiting or (looked_at is not None and looked_at.id == item_id)

    def _elsewhere(self, piece: Piece) -> str:
        here = self._link.service is None or self._link.serves(piece.entry.service)
        return "" if here else self._service_name(piece.entry.service)

    def _fetch(self, service: Service | None, piece: Piece) -> bytes | None:
        """A picture that only the service has; it is kept here from now on. Raises Missing."""
        job, mark = piece.entry.job_id, piece.mark
        if job is None or not mark.sha256:
            return None
        if service is None:
            raise Missing(tr("Only the service has this picture. Look at it again when you are back online."))
        if other := self._elsewhere(piece):
            raise Missing(waits_sentence(other))
        content = service.result(job, mark.n, mark.sha256)
        self._journal.receive(piece.entry.key, Mark(mark.n, mark.seed, mark.sha256, mark.at, mark.starred, mark.applied), content)
        return content

    def _prepared(self, item: Item, prepared: Prepared | None) -> None:
        self._begun.discard(item.id)
        if prepared is None:
            if self._is_awaited(item.id):
                self._begin(item)  # the mouse came back
            return
        self._shelf.put(item.id, prepared)
        if any(piece.mark.remote for piece in item.pieces):
            self.fetched.emit(item.id)
        for then, _ in self._waiting.pop(item.id, []):
            then(prepared)
        if self._item is not None and self._item.id == item.id:
            self._lay(prepared)

    def _not_prepared(self, item: Item, error: Exception) -> None:
        self._begun.discard(item.id)
        for _, failed in self._waiting.pop(item.id, []):
            failed()
        if self._item is not None and self._item.id == item.id:
            self._item = None
        if isinstance(error, (Missing, UnreadablePicture)):
            self.told.emit(Notice(str(error)))
        elif isinstance(error, ServiceError):
            self.told.emit(Notice(tr("Only the service has this picture, and it did not give it."), error.title))
        else:
            self.told.emit(disk_notice(error))

    def _lay(self, prepared: Prepared) -> None:
        if self._item is None:
            return
        self.shown = self._item.id
        if self._canvas.overlay.can_follow():
            self._canvas.overlay.show(self._in_place(self._item, prepared), wipe=self._wipe, document_id=self._document_id)
            self.enlarged = None
        else:
            self._canvas.overlay.hide()
            self.enlarged = together(prepared.parts, self._item.bounds)
        self.changed.emit()

    def _in_place(self, item: Item, prepared: Prepared) -> tuple[Part, ...]:
        """Where the parts belong now: the canvas may have grown since they were read."""
        captured = item.placement.captured
        if captured is None or self._document_id is None:
            return prepared.parts
        return tuple((image, self._canvas.here(self._document_id, area, captured)) for image, area in prepared.parts)

    def _hide(self) -> None:
        self.shown, self.enlarged = "", None
        self._canvas.overlay.hide()
        self.changed.emit()


def waits_sentence(service: str) -> str:
    """For a picture that another of her services has. `service`: its name."""
    return tr("This picture waits at “{name}”. Switch to it to get it.", name=service)
