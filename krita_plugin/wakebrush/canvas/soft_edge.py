"""The soft edge of a selection, computed off the GUI thread (Krita's own feathering takes 0.8 s at 4096²)."""

from __future__ import annotations

from ..qt import QImage, QPainter
from .resample import scaled

SMOOTH_CELLS = 3
"""Rounds of smoothing on the reduced mask; each softens by one of its pixels to either side."""


def feathered(selection: QImage, feather: int) -> QImage:
    """`selection` (Grayscale8) with an edge that is soft for at most `feather` pixels to either side.

    Beyond the image's own border it is taken to go on as it is there, so an edge of the canvas stays solid.
    """
    if feather <= 0:
        return selection
    # The reach: SMOOTH_CELLS cells, plus one and a half for scaling down and up again.
    cell = max(1, feather * 2 // (2 * SMOOTH_CELLS + 3))
    rounds = min(feather, SMOOTH_CELLS)
    width, height = selection.width(), selection.height()
    small = scaled(selection, max(1, width // cell), max(1, height // cell)).convertToFormat(QImage.Format.Format_RGB32)
    for _ in range(rounds):
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            small = _averaged_with_neighbour(small, dx, dy)
    return scaled(small, width, height).convertToFormat(QImage.Format.Format_Grayscale8)


def _averaged_with_neighbour(image: QImage, dx: int, dy: int) -> QImage:
    average = image.copy()
    painter = QPainter(average)
    painter.setOpacity(0.5)
    painter.drawImage(dx, dy, image)
    painter.end()
    return average
