"""What happens to pixels between Krita and the service: Qt images in, Qt images out, in any thread.

Work is done in bands of rows, because most image calls keep Python's lock and the GUI thread should get it back within
a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..qt import QByteArray, QImage, QPainter, QRect, Qt
from .base import Band, Capture, Finished, LayerPixels
from .region import Rect
from .resample import decoded, scaled
from .soft_edge import feathered

BAND_PIXELS = 1 << 20
ANY_TO_WHITE = bytes([0]) + bytes([255]) * 255


def finish(capture: Capture) -> Finished:
    """See Canvas.finish."""
    plan = capture.plan
    image = mask = alpha = None
    if capture.pixels is not None:
        image = scaled(on_paper(capture.pixels), plan.width, plan.height).convertToFormat(QImage.Format.Format_RGB32)
    if capture.selection is not None:
        alpha = feathered(gray_image(bytes(capture.selection), plan.area.width, plan.area.height), plan.feather)
    if capture.mask_wanted:
        mask = _all_white(plan.width, plan.height) if alpha is None else covering(alpha, plan.width, plan.height)
    return Finished(image, mask, alpha)


def prepare(picture: bytes, area: Rect, alpha: QImage | None) -> LayerPixels:
    """See Canvas.prepare."""
    image = decoded(picture, area.width, area.height)
    bands = []
    for top, rows in bands_of(area.width, area.height):
        pixels = bytearray(bits(image.copy(0, top, area.width, rows).convertToFormat(QImage.Format.Format_ARGB32)))
        if alpha is not None:
            # Not QImage.setAlphaChannel: it goes through premultiplied colours, which loses them where alpha is low.
            pixels[3::4] = gray_bytes(alpha.copy(0, top, area.width, rows))
        bands.append(Band(area.y + top, rows, QByteArray(pixels)))
    return LayerPixels(area, tuple(bands))


def on_paper(pixels: QImage) -> QImage:
    """The pixels on white: engines know no transparency, and would see black where there is none."""
    width, height = pixels.width(), pixels.height()
    paper = QImage(width, height, QImage.Format.Format_RGB32)
    painter = QPainter(paper)
    for top, rows in bands_of(width, height):
        band = QRect(0, top, width, rows)
        painter.fillRect(band, Qt.GlobalColor.white)
        painter.drawImage(band, pixels, band)
    painter.end()
    return paper


def covering(alpha: QImage, width: int, height: int) -> QImage:
    """White wherever `alpha` lets anything of the result show, so that nothing shows that was not painted."""
    small = scaled(alpha, width, height).convertToFormat(QImage.Format.Format_Grayscale8)
    return gray_image(gray_bytes(small).translate(ANY_TO_WHITE), width, height)


def gray_image(values: bytes, width: int, height: int) -> QImage:
    """One byte per pixel as a Grayscale8 image that owns its pixels."""
    return QImage(values, width, height, width, QImage.Format.Format_Grayscale8).copy()


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


def _all_white(width: int, height: int) -> QImage:
    mask = QImage(width, height, QImage.Format.Format_Grayscale8)
    mask.fill(255)
    return mask
