"""The soft edge of a selection, computed off the GUI thread (Krita's own feathering takes 0.8 s at 4096²)."""

from __future__ import annotations

from ..qt import QImage, QPainter
from .gray import converted
from .resample import scaled

CELLS = 8
"""A wide edge is smoothed in a reduced mask, in which it is about so many pixels wide to either side."""


def feathered(selection: QImage, feather: int) -> QImage:
    """`selection` (Grayscale8) with an edge that is soft for at most `feather` pixels to either side.

    Beyond the image's own border it is taken to go on as it is there, so an edge of the canvas stays solid.
    """
    if feather <= 0:
        return selection
    cell = max(1, feather // CELLS)
    width, height = selection.width(), selection.height()
    small = converted(scaled(selection, max(1, width // cell), max(1, height // cell)), QImage.Format.Format_RGB32)
    for step in _steps(feather, cell):
        for dx, dy in ((step, 0), (-step, 0), (0, step), (0, -step)):
            small = _averaged_with_neighbour(small, dx, dy)
    return converted(scaled(small, width, height), QImage.Format.Format_Grayscale8)


def _steps(feather: int, cell: int) -> list[int]:
    """Distances whose sum is the reach in cells. 1, 2, 4 … make an even slope; what is left over comes last.

    Scaling down and up again reaches a cell and a half by itself.
    """
    left = feather // cell - (2 if cell > 1 else 0)
    steps: list[int] = []
    while left > 0:
        steps.append(min(2 ** len(steps), left))
        left -= steps[-1]
    return steps


def _averaged_with_neighbour(image: QImage, dx: int, dy: int) -> QImage:
    average = image.copy()
    painter = QPainter(average)
    painter.setOpacity(0.5)
    painter.drawImage(dx, dy, image)
    painter.end()
    return average
