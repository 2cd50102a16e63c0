"""Which document a result belongs to: never to another one than it was made for, but by her own word."""

from __future__ import annotations

from ..canvas.base import Canvas
from .collection import Collection
from .items import Item


class Homes:
    """Asks the canvas which documents are open."""

    def __init__(self, canvas: Canvas, collection: Collection) -> None:
        self._canvas = canvas
        self._all = collection

    def of(self, item: Item) -> str | None:
        """The open document it belongs to. An id of an earlier run says too little alone: she may have gone on under another
        name then, and the file of the old one has the same id."""
        entry = item.first
        if entry.document_id and not item.earlier and self._canvas.is_open(entry.document_id):
            return entry.document_id
        return self._canvas.find(entry.document_path, entry.document_id)

    def is_homeless(self, item: Item) -> bool:
        """Whether its document was never saved, and went with an earlier run of Krita."""
        return item.earlier and not item.first.document_path and self.of(item) is None

    def items(self, document_id: str) -> list[Item]:
        """What belongs to a document."""
        return [item for item in self._all.items() if self.of(item) == document_id]

    def keys(self, document_id: str) -> frozenset[str]:
        """Keys of the entries that belong to a document."""
        return frozenset(piece.entry.key for item in self.items(document_id) for piece in item.pieces)

    def offered(self, document_id: str) -> list[Item]:
        """What was finished for a document while Krita was closed, and she has not been asked about yet."""
        return [item for item in self.items(document_id) if item.offered]

    def homeless(self) -> list[Item]:
        """What has no document any more."""
        return [item for item in self._all.items() if self.is_homeless(item)]

    def open_documents(self) -> set[str]:
        """Those that something belongs to."""
        return {home for item in self._all.items() if (home := self.of(item)) is not None}
