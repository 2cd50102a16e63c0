"""The separate parts of a selection, and the transparent part of a picture, found on a coarse grid. No Krita."""

from __future__ import annotations

from collections.abc import Iterable

from ..qt import QImage
from .rect import Rect

GRID = 64
"""Cells along a selection's longer side. Parts that are less than a cell apart count as one."""
SAMPLES = 4
"""Pixels that are looked at along a cell's side to see whether there may be several parts. What is so small that it is missed
is painted as well: it lies within the bounds."""
OPAQUE = b"\xff"
NOTHING = b"\0"


def islands_of(selection: bytes, box: Rect) -> tuple[Rect, ...]:
    """Bounds of the separate parts of a selection, from the top: `box` where it is one, otherwise exact to the pixel.

    `selection`: one byte per pixel of `box`, its bounds; rows without gaps, 0 where nothing is selected. Several parts take
    about 3 ms per million pixels; most selections are one, which is seen by a few of them.
    """
    cell = max(1, -(-max(box.width, box.height) // GRID))
    if cell >= 2 * SAMPLES and len(_connected(_sampled(selection, box, cell))) == 1:
        return (box,)
    bands = [_merged(_rows(selection, box.width, top, min(top + cell, box.height))) for top in range(0, box.height, cell)]
    filled = {
        (column, row)
        for row, band in enumerate(bands)
        for column in range(-(-box.width // cell))
        if band[column * cell : (column + 1) * cell].strip(NOTHING)
    }
    parts = (_bounds(part, cell).clipped(Rect(0, 0, box.width, box.height)) for part in _connected(filled))
    return tuple(_tightened(selection, box.width, part).moved(box.x, box.y) for part in sorted(parts, key=lambda r: (r.y, r.x)))


def holes_in(reduced: QImage, canvas: tuple[int, int]) -> Rect | None:
    """Bounds, in canvas pixels, of what is transparent in a reduced picture of the canvas (32-bit with alpha): rather too
    large than too small; None when all of it is opaque."""
    memory = reduced.constBits()
    memory.setsize(reduced.sizeInBytes())
    alpha, width = bytes(memory.asstring())[3::4], reduced.width()
    rows = [alpha[start : start + width] for start in range(0, len(alpha), width)]
    open_rows = [number for number, row in enumerate(rows) if row.strip(OPAQUE)]
    if not open_rows:
        return None
    left = min(width - len(rows[number].lstrip(OPAQUE)) for number in open_rows)
    right = max(len(rows[number].rstrip(OPAQUE)) for number in open_rows)
    across, down = canvas[0] / width, canvas[1] / reduced.height()
    x, y = int((left - 1) * across), int((open_rows[0] - 1) * down)
    box = Rect(x, y, int((right + 1) * across) + 1 - x, int((open_rows[-1] + 2) * down) + 1 - y)
    return box.clipped(Rect(0, 0, *canvas))


def _sampled(selection: bytes, box: Rect, cell: int) -> set[tuple[int, int]]:
    """Cells in which one of a few pixels is selected."""
    step, width = cell // SAMPLES, box.width
    filled = set()
    for row, top in enumerate(range(0, box.height, cell)):
        lines = range(top, min(top + cell, box.height), step)
        samples = _merged(selection[line * width : (line + 1) * width : step] for line in lines)
        filled |= {(number * step // cell, row) for number, value in enumerate(samples) if value}
    return filled


def _rows(selection: bytes, width: int, top: int, bottom: int) -> Iterable[bytes]:
    return (selection[row * width : (row + 1) * width] for row in range(top, bottom))


def _merged(rows: Iterable[bytes]) -> bytes:
    """One row that is filled wherever one of them is: as numbers they are or-ed without a loop over pixels."""
    total, length = 0, 0
    for row in rows:
        total, length = total | int.from_bytes(row, "little"), len(row)
    return total.to_bytes(length, "little")


def _connected(cells: set[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Cells that touch, also by a corner, belong together."""
    left, parts = set(cells), []
    while left:
        part, edge = [], [left.pop()]
        while edge:
            column, row = edge.pop()
            part.append((column, row))
            around = {(column + dx, row + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)} & left
            left -= around
            edge.extend(around)
        parts.append(part)
    return parts


def _bounds(part: list[tuple[int, int]], cell: int) -> Rect:
    columns, rows = [column for column, _ in part], [row for _, row in part]
    x, y = min(columns) * cell, min(rows) * cell
    return Rect(x, y, (max(columns) + 1) * cell - x, (max(rows) + 1) * cell - y)


def _tightened(selection: bytes, width: int, box: Rect) -> Rect:
    """The bounds without what is empty at their sides."""
    rows = [selection[y * width + box.x : y * width + box.right] for y in range(box.y, box.bottom)]
    filled = [number for number, row in enumerate(rows) if row.strip(NOTHING)]
    across = _merged(rows)
    left = len(across) - len(across.lstrip(NOTHING))
    return Rect(box.x + left, box.y + filled[0], len(across.strip(NOTHING)), filled[-1] + 1 - filled[0])
