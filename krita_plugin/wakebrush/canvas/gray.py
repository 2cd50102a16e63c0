"""Grayscale8 images and bytes: masks, soft edges, transparency. No Krita."""

from __future__ import annotations

from collections.abc import Iterator

from ..qt import QColor, QImage, QPainter, QRect
from .rect import Rect

BAND_PIXELS = 1 << 20
ANY_TO_WHITE = bytes([0]) + bytes([255]) * 255
NOTHING_TO_WHITE = bytes([255]) + bytes(255)
INVERTED = bytes(range(255, -1, -1))
NOT_OPAQUE_TO_WHITE = bytes([255]) * 255 + bytes([0])
FORMAT = QImage.Format.Format_Grayscale8


def gray_image(values: bytes, width: int, height: int) -> QImage:
    """One byte per pixel as a Grayscale8 image that owns its pixels."""
    return QImage(values, width, height, width, FORMAT).copy()


def gray_bytes(image: QImage) -> bytes:
    """The values of a Grayscale8 image, one byte per pixel, without the gaps at the ends of its rows."""
    width, step, memory = image.width(), image.bytesPerLine(), bits(image)
    if width == step:
        return memory
    return b"".join(memory[start : start + width] for start in range(0, len(memory), step))


def bits(image: QImage) -> bytes:
    """The image's memory; rows of a 32-bit format follow each other without gaps."""
    memory = image.constBits()
    memory.setsize(image.sizeInBytes())
    return bytes(memory.asstring())


def bands_of(width: int, height: int) -> Iterator[tuple[int, int]]:
    """First row and number of rows of consecutive bands."""
    step = max(1, BAND_PIXELS // width)
    for top in range(0, height, step):
        yield top, min(step, height - top)


def plain(width: int, height: int, value: int) -> QImage:
    """All of one value."""
    image = QImage(width, height, FORMAT)
    image.fill(QColor(value, value, value))
    return image


def only_within(mask: QImage, box: Rect) -> QImage:
    """The mask, black outside a box."""
    kept = plain(mask.width(), mask.height(), 0)
    painter = QPainter(kept)
    where = QRect(box.x, box.y, box.width, box.height)
    painter.drawImage(where, mask, where)
    painter.end()
    return kept


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
    rows = (bits(pixels.copy(0, top, width, rows))[3::4] for top, rows in bands_of(width, height))
    return gray_image(b"".join(rows), width, height)


def mapped(image: QImage, table: bytes) -> QImage:
    """Each value replaced by its entry in a table of 256."""
    return gray_image(gray_bytes(image).translate(table), image.width(), image.height())


def multiplied(first: bytes, second: bytes, width: int) -> bytes:
    """Two rows of values, or several of `width`, multiplied as parts of 255."""
    rows = len(first) // width
    product = gray_image(first, width, rows).convertToFormat(QImage.Format.Format_RGB32)
    painter = QPainter(product)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
    painter.drawImage(0, 0, gray_image(second, width, rows))
    painter.end()
    return bits(product)[::4]
