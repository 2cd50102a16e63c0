"""A result becomes a layer, once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from ..canvas.base import Canvas, Where
from ..i18n import tr
from ..qt import QObject, QTimer, Signal
from .items import Item
from .prepared import Prepared
from .showing import Showing
from .words import Notice

#: A layer that takes longer to appear waits for her hand, in milliseconds.
HELD_MS = 700


class Placing(QObject):
    """`placed(Item, document id)`: it is a layer; `held(bool)`: a layer waits until her hand is off the canvas;
    `told(Notice)`."""

    placed = Signal(object, str)
    held = Signal(bool)
    told = Signal(object)

    def __init__(self, canvas: Canvas, showing: Showing) -> None:
        super().__init__()
        self._canvas = canvas
        self._showing = showing
        self._under_way: set[str] = set()
        self._inserting: set[str] = set()

    def place(self, item: Item, document_id: str, where: Where | None = None) -> None:
        """Adds a layer to the document. Nothing happens for an item that is on its way already."""
        if item.id in self._under_way:
            return
        self._under_way.add(item.id)
        insert = partial(self._insert, item, document_id, where)
        self._showing.prepare(item, insert, lambda: self._under_way.discard(item.id))

    def _insert(self, item: Item, document_id: str, where: Where | None, prepared: Prepared) -> None:
        placement = item.placement if where is None else replace(item.placement, where=where)
        self._inserting.add(item.id)
        QTimer.singleShot(HELD_MS, self._look)
        done = partial(self._inserted, item, document_id)
        self._canvas.insert(document_id, prepared.layers, item.name, placement, item.recipe.text(), done)

    def _inserted(self, item: Item, document_id: str, problem: str | None) -> None:
        self._under_way.discard(item.id)
        self._inserting.discard(item.id)
        if problem is None:
            self.placed.emit(item, document_id)
            self._compare_frames(item, document_id)
        else:
            self.told.emit(Notice(problem))
        if not self._inserting:
            self.held.emit(False)

    def _compare_frames(self, item: Item, document_id: str) -> None:
        made, shown = item.recipe.frame, self._canvas.frame(document_id)
        if made is not None and shown is not None and made != shown:
            sentence = tr("This picture was made for frame {made}; you are on frame {shown} now.", made=made, shown=shown)
            self.told.emit(Notice(sentence, tr("Its layer is seen on every frame."), good=True))

    def _look(self) -> None:
        if self._inserting:
            self.held.emit(True)


def closed_notice(item: Item) -> Notice:
    """For a result whose document is not open."""
    path = item.first.document_path
    if not path:
        return Notice(
            tr("The document of this picture is closed."), tr("The picture is kept; it is offered when Krita starts again.")
        )
    return Notice(
        tr("A picture is finished for “{name}”, which is closed.", name=Path(path).name), tr("Open it to get the picture.")
    )
