"""A result made ready for the canvas: decoded, in its place, with what of it shows. For worker threads.

Pictures live on disk as they were encoded; only the last few that she looked at are kept decoded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ..canvas.base import Canvas, Finished, LayerPixels, Part, UnreadablePicture
from ..canvas.gray import assembled, converted
from ..canvas.rect import Rect
from ..i18n import tr
from ..journal import Journal
from ..qt import QImage, QPainter, QRect, Qt
from .items import Item, Piece
from .pictures import decode

#: How much of decoded pictures is kept: one of 4096², or eight of 1024².
MOST_BYTES = 128 * 1024 * 1024
_PREMULTIPLIED = QImage.Format.Format_ARGB32_Premultiplied


class Missing(RuntimeError):
    """The picture is not on this computer any more; the message is a sentence."""


@dataclass(frozen=True)
class Prepared:
    """`layers`: what becomes the layer; `parts`: the same to be drawn over the canvas."""

    layers: tuple[LayerPixels, ...]
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """In bytes."""
        return 2 * sum(int(image.sizeInBytes()) for image, _ in self.parts)


def prepare(
    canvas: Canvas, journal: Journal, item: Item, fetch: Callable[[Piece], bytes | None] = lambda piece: None
) -> Prepared:
    """Reads an item's pictures from disk, or gets what is missing by `fetch`. Raises Missing, UnreadablePicture, ServiceError."""
    layers = []
    for piece in item.pieces:
        content = journal.result(piece.entry.key, piece.mark.n) or fetch(piece)
        if content is None:
            raise Missing(tr("This picture is no longer on your computer, and the service does not keep it any more."))
        layers.append(canvas.prepare(content, piece.region, _finished(journal, piece)))
    return Prepared(tuple(layers), tuple((image_of(layer), layer.area) for layer in layers))


def image_of(layer: LayerPixels) -> QImage:
    """A layer's pixels as one picture."""
    area = layer.area
    pixels = rows_of(layer)

    def band(top: int, rows: int) -> QImage:
        straight = QImage(pixels(top, rows), area.width, rows, 4 * area.width, QImage.Format.Format_ARGB32)
        return straight.convertToFormat(_PREMULTIPLIED)

    return assembled(area.width, area.height, _PREMULTIPLIED, band)


def rows_of(layer: LayerPixels) -> Callable[[int, int], bytes]:
    """Reads `(top, rows)` of a layer's pixels, counted from the top of its area, whatever bands they are in."""
    row = 4 * layer.area.width
    bands = [(each.top - layer.area.y, memoryview(each.pixels)) for each in layer.bands]

    def read(top: int, rows: int) -> bytes:
        return b"".join(bytes(memory[max(0, top - first) * row : max(0, top + rows - first) * row]) for first, memory in bands)

    return read


def together(parts: tuple[Part, ...], bounds: Rect) -> QImage:
    """Several parts as one picture, transparent between them."""
    image = QImage(bounds.width, bounds.height, _PREMULTIPLIED)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    for part, area in parts:
        painter.drawImage(QRect(area.x - bounds.x, area.y - bounds.y, area.width, area.height), part)
    painter.end()
    return image


def _finished(journal: Journal, piece: Piece) -> Finished:
    """What was known of the region when it was read, as far as preparing its result needs it."""
    gray = QImage.Format.Format_Grayscale8

    def stored(role: str, wanted: QImage.Format) -> QImage | None:
        content = journal.picture(piece.entry.key, role)
        if content is None:
            return None
        try:
            return converted(decode(content), wanted)
        except ValueError as error:
            raise UnreadablePicture(tr("What was read of your document for this picture is damaged on disk.")) from error

    matched = piece.region.match_colours
    return Finished(
        stored("image", QImage.Format.Format_RGB32) if matched else None,
        stored("mask", gray) if matched else None,
        stored("alpha", gray),
        stored("opacity", gray),
    )


class Shelf:
    """The items that were prepared last, by id, within MOST_BYTES. For the GUI thread."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._items: OrderedDict[str, Prepared] = OrderedDict()

    def get(self, item_id: str) -> Prepared | None:
        if item_id in self._items:
            self._items.move_to_end(item_id)
        return self._items.get(item_id)

    def put(self, item_id: str, prepared: Prepared) -> None:
        """Keeps it, at the cost of those that were not looked at for longest."""
        self._items[item_id] = prepared
        self._items.move_to_end(item_id)
        while len(self._items) > 1 and sum(each.size for each in self._items.values()) > self._most:
            self._items.popitem(last=False)

    def drop(self, item_id: str) -> None:
        self._items.pop(item_id, None)
