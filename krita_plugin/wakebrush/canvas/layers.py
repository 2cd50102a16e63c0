"""A result becomes a layer: written while it belongs to no document yet, then added in one undo step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from krita import Document, Node

from ..i18n import tr
from ..qt import NEXT_TURN_MS, QByteArray, QTimer
from . import documents, placing
from .base import Band, LayerPixels, Placement, Where
from .busy import QuietMoment
from .masks import Masks
from .opened import OpenDocuments
from .placing import Enlargements, Shift
from .reading import SRGB
from .replaced import Replaced


@dataclass(frozen=True)
class Order:
    """What is to be inserted (see Canvas.insert)."""

    document_id: str
    layers: tuple[LayerPixels, ...]
    name: str
    placement: Placement


@dataclass(frozen=True)
class Rooms:
    """What insertions share. `ours`: ids of the results in a document."""

    opened: OpenDocuments
    masks: Masks
    enlargements: Enlargements
    replaced: Replaced
    ours: Callable[[Document], Collection[str]]


class Insertion:
    """One layer on its way into a document: made, written band by band, added.

    Writing a layer that is in no document disturbs nobody. Adding it does, and so does `setColorSpace` even then: it
    locks the image and cuts a stroke off. Both wait for a quiet moment, and so do a canvas that has to become larger, and a
    mask, which in an old Krita comes out of a file.
    `added(document, node)` comes before `done`; `remark(sentence)` is what she should know.
    """

    def __init__(
        self,
        rooms: Rooms,
        order: Order,
        added: Callable[[Document, Node], None],
        remark: Callable[[str], None],
        done: Callable[[str | None], None],
    ) -> None:
        self._rooms = rooms
        self._order = order
        self._added = added
        self._remark = remark
        self._done = done
        self._bands: Iterator[tuple[LayerPixels, Band]] = iter([(each, band) for each in order.layers for band in each.bands])
        self._node: Node = None
        self._mask: Node | None = None
        self._shift = Shift()
        self._moment: QuietMoment | None = None

    def start(self) -> None:
        document = self._document()
        if document is None:
            self._closed()
            return
        self._shift = self._shift_in(document)
        plain = documents.colours(document) == SRGB and not self._order.placement.as_mask
        if plain and self._shift.enlarge is None:
            self._make(document)
        else:
            self._when_quiet(self._enlarge)

    def _document(self) -> Document | None:
        return self._rooms.opened.find(self._order.document_id)

    def _closed(self) -> None:
        self._done(tr("The document was closed before its picture could be added."))

    def _when_quiet(self, then: Callable[[Document], None]) -> None:
        self._moment = QuietMoment(self._document, then, self._closed)

    def _shift_in(self, document: Document) -> Shift:
        placement, size = self._order.placement, documents.size(document)
        return self._rooms.enlargements.shift(self._order.document_id, size, placement.captured, placement.canvas)

    def _enlarge(self, document: Document) -> None:
        """The canvas first; Krita does that in threads of its own, so the layer waits for the next quiet moment."""
        self._shift = self._shift_in(document)
        canvas = self._shift.enlarge
        if canvas is None:
            self._make(document)
            return
        self._rooms.enlargements.note(self._order.document_id, documents.size(document), canvas)
        document.resizeImage(canvas.x, canvas.y, canvas.width, canvas.height)
        self._when_quiet(self._make)

    def _make(self, document: Document) -> None:
        self._node = document.createNode(self._order.name, "paintlayer")
        if self._order.placement.as_mask:
            self._mask = self._rooms.masks.new(document)
        if documents.colours(document) == SRGB or self._convert(SRGB):
            self._write_band()

    def _convert(self, colours: tuple[str, str, str]) -> bool:
        """Changes the layer's colour space, with the pixels it has; whether that could be done."""
        if self._node.setColorSpace(*colours):
            return True
        self._done(
            tr("Krita could not convert the picture to the colours of this document ({colours}).", colours=" ".join(colours))
        )
        return False

    def _write_band(self) -> None:
        """One band per turn of the event loop, so that Krita stays smooth meanwhile."""
        layer, band = next(self._bands, (None, None))
        if layer is None or band is None:
            self._when_quiet(self._finish)
            return
        pixels, x, top = band.pixels, layer.area.x + self._shift.dx, band.top + self._shift.dy
        if self._mask is not None:
            pixels, shown = split(band.pixels)
            self._mask.setPixelData(shown, x, top, layer.area.width, band.rows)
        self._node.setPixelData(pixels, x, top, layer.area.width, band.rows)
        QTimer.singleShot(NEXT_TURN_MS, self._write_band)

    def _finish(self, document: Document) -> None:
        colours = documents.colours(document)
        if colours != SRGB and not self._convert(colours):
            return
        if self._mask is not None and not self._node.addChildNode(self._mask, None):
            self._done(tr("Krita could not add the mask of the picture."))
            return
        self._add(document)

    def _add(self, document: Document) -> None:
        active, placement = document.activeNode(), self._order.placement
        spot = placing.spot(document, placement, self._rooms.ours(document))
        if not spot.parent.addChildNode(self._node, spot.below):
            self._done(tr("Krita could not add the layer."))
            return
        if placement.where is Where.REPLACE and spot.anchor is not None:
            self._rooms.replaced.hide(document, self._order.document_id, self._node, spot.anchor)
        self._added(document, self._node)
        # Krita makes the new layer the active one a turn of the event loop later; only after that can it be taken back.
        QTimer.singleShot(0, lambda: self._restore(active, lost=placement.node is not None and spot.anchor is None))

    def _restore(self, active: Node | None, lost: bool) -> None:
        document = self._document()
        if document is not None and active is not None:
            document.setActiveNode(active)
        if not self._shift.known:
            self._remark(tr("The canvas has another size than when this was asked for. Look whether it is in its place."))
        elif lost:
            self._remark(tr("The layer it was made from is gone. The result is above the active one."))
        self._done(None)


def split(pixels: QByteArray) -> tuple[QByteArray, QByteArray]:
    """The pixels without their transparency, and that alone, one byte each."""
    opaque = bytearray(bytes(pixels))
    shown = bytes(opaque[3::4])
    opaque[3::4] = b"\xff" * len(shown)
    return QByteArray(bytes(opaque)), QByteArray(shown)
