"""A result becomes a layer: written while it belongs to no document yet, then added in one undo step."""

from __future__ import annotations

from collections.abc import Callable

from krita import Document, Node

from ..qt import QTimer
from . import documents
from .base import Done, LayerPixels
from .busy import QuietMoment
from .documents import OpenDocuments

SRGB = ("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")
CLOSED = "The document was closed before its picture could be added."
REFUSED = "Krita could not add the layer."
COLOURS_REFUSED = "Krita could not convert the picture to the colours of this document ({})."


class Insertion:
    """One layer on its way into a document: made, written band by band, added.

    Writing a layer that is in no document disturbs nobody. Adding it does, and so does `setColorSpace` even then: it
    locks the image and cuts a stroke off. Both wait for a quiet moment.
    """

    def __init__(self, opened: OpenDocuments, document_id: str, layer: LayerPixels, name: str, done: Done) -> None:
        self._opened = opened
        self._document_id = document_id
        self._layer = layer
        self._name = name
        self._done = done
        self._bands = iter(layer.bands)
        self._node: Node = None
        self._moment: QuietMoment | None = None

    def start(self) -> None:
        document = self._document()
        if document is None:
            self._done(CLOSED)
        elif documents.colours(document) == SRGB:
            self._node = document.createNode(self._name, "paintlayer")
            self._write_band()
        else:
            self._when_quiet(self._make_in_srgb)

    def _document(self) -> Document | None:
        return self._opened.find(self._document_id)

    def _when_quiet(self, then: Callable[[Document], None]) -> None:
        self._moment = QuietMoment(self._document, then, lambda: self._done(CLOSED))

    def _make_in_srgb(self, document: Document) -> None:
        self._node = document.createNode(self._name, "paintlayer")
        self._convert(SRGB, self._write_band)

    def _convert(self, colours: tuple[str, str, str], then: Callable[[], None]) -> None:
        """Changes the layer's colour space, with the pixels it has."""
        if self._node.setColorSpace(*colours):
            then()
        else:
            self._done(COLOURS_REFUSED.format(" ".join(colours)))

    def _write_band(self) -> None:
        """One band per turn of the event loop, so that Krita stays smooth meanwhile."""
        band = next(self._bands, None)
        if band is None:
            self._when_quiet(self._finish_colours)
            return
        area = self._layer.area
        self._node.setPixelData(band.pixels, area.x, band.top, area.width, band.rows)
        QTimer.singleShot(0, self._write_band)

    def _finish_colours(self, document: Document) -> None:
        colours = documents.colours(document)
        if colours == SRGB:
            self._add(document)
        else:
            self._convert(colours, lambda: self._add(document))

    def _add(self, document: Document) -> None:
        active = document.activeNode()
        below = _layer_of(active)
        parent = document.rootNode() if below is None else below.parentNode()
        if not parent.addChildNode(self._node, below):
            self._done(REFUSED)
            return
        # Krita makes the new layer the active one a turn of the event loop later; only after that can it be taken back.
        QTimer.singleShot(0, lambda: self._restore(active))

    def _restore(self, active: Node | None) -> None:
        document = self._document()
        if document is not None and active is not None:
            document.setActiveNode(active)
        self._done(None)


def _layer_of(node: Node | None) -> Node | None:
    """The layer a node is or, for a mask, belongs to; None for a mask of the whole image (the selection)."""
    while node is not None and node.type().endswith("mask"):
        node = node.parentNode()
    return None if node is None or node.parentNode() is None else node
