"""Grayscale8 images and bytes: masks, soft edges, transparency. No Krita.

Whole pictures are worked on in bands of rows: a single call for 4096² pixels keeps Python's lock for up to 50 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..qt import QColor, QImage, QPainter, QRect
from .rect import Rect

BAND_PIXELS = 1 << 18
"""Copied, scaled in depth or mapped within a millisecond or so."""
LAYER_BAND_PIXELS = 1 << 20
"""Written into a layer of Krita's in one turn of its event loop."""
ANY_TO_WHITE = bytes([0]) + bytes([255]) * 255
NOTHING_TO_WHITE = bytes([255]) + bytes(255)
INVERTED = bytes(range(255, -1, -1))
NOT_OPAQUE_TO_WHITE = bytes([255]) * 255 + bytes([0])
FORMAT = QImage.Format.Format_Grayscale8


def gray_image(values: Any, width: int, height: int) -> QImage:
    """One byte per pixel as a Grayscale8 image that owns its pixels. `values`: bytes, or what has a buffer of them."""
    memory = memoryview(values)

    def band(top: int, rows: int) -> QImage:
        return QImage(bytes(memory[top * width : (top + rows) * width]), width, rows, width, FORMAT).copy()

    return assembled(width, height, FORMAT, band)


def gray_bytes(image: QImage) -> bytes:
    """The values of a Grayscale8 image, one byte per pixel, without the gaps at the ends of its rows."""
    return b"".join(gray_rows(image))


def gray_rows(image: QImage) -> Iterator[bytes]:
    """The same, band by band."""
    width, step, memory = image.width(), image.bytesPerLine(), seen(image)
    for top, rows in bands_of(width, image.height()):
        if width == step:
            yield bytes(memory[top * step : (top + rows) * step])
        else:
            yield b"".join(bytes(memory[row * step : row * step + width]) for row in range(top, top + rows))


def bits(image: QImage) -> bytes:
    """The image's memory; rows of a 32-bit format follow each other without gaps."""
    return bytes(seen(image))


def seen(image: QImage) -> memoryview:
    """The image's memory, not copied: good while the image lives and nobody paints on it."""
    memory = image.constBits()
    memory.setsize(image.sizeInBytes())
    return memoryview(memory)


def assembled(width: int, height: int, kind: QImage.Format, band: Callable[[int, int], QImage]) -> QImage:
    """An image that is made band by band; `band(top, rows)`: those rows, of that width and kind."""
    image = QImage(width, height, kind)
    memory = image.bits()
    memory.setsize(image.sizeInBytes())
    pixels, step = memoryview(memory), image.bytesPerLine()
    for top, rows in bands_of(width, height):
        made = band(top, rows)
        pixels[top * step : (top + rows) * step] = seen(made)
    return image


def converted(image: QImage, kind: QImage.Format) -> QImage:
    """The same in another format, as QImage.convertToFormat has it."""
    if image.format() == kind:
        return image
    width = image.width()
    return assembled(width, image.height(), kind, lambda top, rows: image.copy(0, top, width, rows).convertToFormat(kind))


def bands_of(width: int, height: int, pixels: int = BAND_PIXELS) -> Iterator[tuple[int, int]]:
    """First row and number of rows of consecutive bands."""
    step = max(1, pixels // width)
    for top in range(0, height, step):
        yield top, min(step, height - top)


def plain(width: int, height: int, value: int) -> QImage:
    """All of one value."""

    def band(_top: int, rows: int) -> QImage:
        image = QImage(width, rows, FORMAT)
        image.fill(QColor(value, value, value))
        return image

    return assembled(width, height, FORMAT, band)


def only_within(mask: QImage, box: Rect) -> QImage:
    """The mask, black outside a box."""
    width = mask.width()

    def band(top: int, rows: int) -> QImage:
        kept = plain(width, rows, 0)
        inside = box.clipped(Rect(0, top, width, rows))
        if not inside.is_empty:
            painter = QPainter(kept)
            painter.drawImage(inside.x, inside.y - top, mask.copy(inside.x, inside.y, inside.width, inside.height))
            painter.end()
        return kept

    return assembled(width, mask.height(), FORMAT, band)


def outside_of(box: Rect, width: int, height: int) -> QImage:
    """White but for a box."""
    image = plain(width, height, 255)
    painter = QPainter(image)
    painter.fillRect(QRect(box.x, box.y, box.width, box.height), QColor(0, 0, 0))
    painter.end()
    return image


def alpha_of(pixels: QImage) -> QImage:
    """The transparency of a 32-bit image: white where it is opaque."""
    width, height = pixels.width(), pixels.height()

    def band(top: int, rows: int) -> QImage:
        return gray_image(bits(pixels.copy(0, top, width, rows))[3::4], width, rows)

    return assembled(width, height, FORMAT, band)


def mapped(image: QImage, table: bytes) -> QImage:
    """Each value replaced by its entry in a table of 256."""
    width = image.width()

    def band(top: int, rows: int) -> QImage:
        return gray_image(gray_bytes(image.copy(0, top, width, rows)).translate(table), width, rows)

    return assembled(width, image.height(), FORMAT, band)


def multiplied(first: bytes, second: bytes, width: int) -> bytes:
    """Two rows of values, or several of `width`, multiplied as parts of 255."""
    rows = len(first) // width
    product = gray_image(first, width, rows).convertToFormat(QImage.Format.Format_RGB32)
    painter = QPainter(product)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
    painter.drawImage(0, 0, gray_image(second, width, rows))
    painter.end()
    return bits(product)[::4]
