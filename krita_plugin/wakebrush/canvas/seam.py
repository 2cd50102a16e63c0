"""Making a result agree with what lies around it: an engine's VAE shifts colours a little, also of what it was to keep.

How much is seen outside the mask, where the result should be what was sent; that is carried inward and taken back.
"""

from __future__ import annotations

from ..qt import QImage, QPainter
from .fill import carried_inward, reduced
from .gray import bits, gray_bytes
from .resample import scaled

GRID = 64
"""The difference is looked at in so many cells along the longer side."""
FINE = 4
"""Steps of one level, so that rounding does not add up."""
MOST = 30
"""Levels. What differs more is no drift, and is not taken back further."""
SMOOTHED = 4
"""The correction is averaged over so many cells a side: texture that a VAE blurs looks like a difference from cell to cell."""

RGB32 = QImage.Format.Format_RGB32
_PLUS = bytes(max(0, round((value - 128) / FINE)) for value in range(256))
_MINUS = bytes(max(0, round((128 - value) / FINE)) for value in range(256))


class Correction:
    """What has to be added to a result, everywhere in it. Made from pictures of any sizes that show the same area."""

    def __init__(self, sent: QImage, mask: QImage, result: QImage) -> None:
        """`sent`: what the engine got; `mask` (Grayscale8, same size): white where it painted; `result`: what came back."""
        size = reduced(result.width(), result.height(), GRID)
        painted = scaled(mask, *size).convertToFormat(QImage.Format.Format_Grayscale8)
        differences = _differences(scaled(sent, *size), scaled(result, *size))
        field = carried_inward(differences, _wider(painted)).convertToFormat(RGB32)
        smooth = scaled(field, *reduced(size[0], size[1], max(1, GRID // SMOOTHED)))
        self._field = scaled(smooth, result.width(), result.height()).convertToFormat(RGB32)

    def apply(self, rows: QImage, top: int) -> QImage:
        """Rows of the result, from row `top` on, corrected. RGB32."""
        field = bits(self._field.copy(0, top, rows.width(), rows.height()))
        brighter = _added(rows.convertToFormat(RGB32), field.translate(_PLUS))
        brighter.invertPixels()
        darker = _added(brighter, field.translate(_MINUS))
        darker.invertPixels()
        return darker


def can_match(mask: QImage) -> bool:
    """Whether enough is kept around what is painted to see a drift by it."""
    size = reduced(mask.width(), mask.height(), GRID)
    return 0 in gray_bytes(_wider(scaled(mask, *size).convertToFormat(QImage.Format.Format_Grayscale8)))


def _differences(sent: QImage, result: QImage) -> QImage:
    """How much brighter what was sent is, around 128, in fine steps."""
    pairs = zip(bits(sent.convertToFormat(RGB32)), bits(result.convertToFormat(RGB32)), strict=True)
    fine = bytes(128 + FINE * max(-MOST, min(MOST, before - after)) for before, after in pairs)
    return QImage(fine, sent.width(), sent.height(), 4 * sent.width(), RGB32).copy()


def _wider(painted: QImage) -> QImage:
    """The painted cells and their neighbours: what is next to paint has taken some of it on."""
    wider = painted.convertToFormat(RGB32)
    painter = QPainter(wider)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Lighten)
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        painter.drawImage(dx, dy, painted)
    painter.end()
    return wider.convertToFormat(QImage.Format.Format_Grayscale8)


def _added(rows: QImage, amounts: bytes) -> QImage:
    painter = QPainter(rows)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Plus)
    painter.drawImage(0, 0, QImage(amounts, rows.width(), rows.height(), 4 * rows.width(), RGB32))
    painter.end()
    return rows
