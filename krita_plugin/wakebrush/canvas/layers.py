"""A result becomes a layer: written while it belongs to no document yet, then added in one undo step."""

from __future__ import annotations

from krita import Document, Node

from ..qt import QTimer
from . import documents
from .base import Done, LayerPixels
from .busy import QuietMoment

SRGB = ("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")
CLOSED = "The document was closed before its picture could be added."
REFUSED = "Krita could not add the layer."
COLOURS_REFUSED = "Krita could not convert the picture to the colours of this document ({})."


class Insertion:
    """One layer on its way into a document. Everything before `_add` leaves the document as it is."""

    def __init__(self, document_id: str, layer: LayerPixels, name: str, done: Done) -> None:
        self._document_id = document_id
        self._layer = layer
        self._name = name
        self._done = done
        self._node: Node | None = None
        self._bands = iter(layer.bands)
        self._moment: QuietMoment | None = None

    def start(self) -> None:
        document = self._document()
        if document is None:
            self._finish(CLOSED)
            return
        self._node = document.createNode(self._name, "paintlayer")
        self._node.setColorSpace(*SRGB)
        self._write_band()

    def _document(self) -> Document | None:
        return documents.find(self._document_id)

    def _write_band(self) -> None:
        """One band per turn of the event loop, so that Krita stays smooth meanwhile."""
        band = next(self._bands, None)
        if band is None:
            self._convert()
            return
        area = self._layer.area
        self._node.setPixelData(band.pixels, area.x, band.top, area.width, band.rows)
        QTimer.singleShot(0, self._write_band)

    def _convert(self) -> None:
        document = self._document()
        if document is None:
            self._finish(CLOSED)
            return
        colours = (document.colorModel(), document.colorDepth(), document.colorProfile())
        if colours != SRGB and not self._node.setColorSpace(*colours):
            self._finish(COLOURS_REFUSED.format(" ".join(colours)))
            return
        self._moment = QuietMoment(self._document, self._add, lambda: self._finish(CLOSED))

    def _add(self, document: Document) -> None:
        active = document.activeNode()
        below = _layer_of(active)
        parent = below.parentNode() if below is not None else document.rootNode()
        if not parent.addChildNode(self._node, below):
            self._finish(REFUSED)
            return
        # Krita makes the new layer the active one a turn of the event loop later; only after that can it be taken back.
        QTimer.singleShot(0, lambda: self._restore(active))

    def _restore(self, active: Node | None) -> None:
        document = self._document()
        if document is not None and active is not None:
            document.setActiveNode(active)
        self._finish(None)

    def _finish(self, problem: str | None) -> None:
        done, self._done = self._done, _nothing
        self._node = None
        done(problem)


def _layer_of(node: Node | None) -> Node | None:
    """The layer a node is or, for a mask, belongs to."""
    while node is not None and node.type().endswith("mask"):
        node = node.parentNode()
    return node


def _nothing(_problem: str | None) -> None:
    """Stands in for a callback that was called."""
