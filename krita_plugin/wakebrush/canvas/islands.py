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
    starts = range(0, box.width, cell)
    filled = [
        sum(1 << column for column, start in enumerate(starts) if band[start : start + cell].strip(NOTHING)) for band in bands
    ]
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


def _sampled(selection: bytes, box: Rect, cell: int) -> list[int]:
    """The same cells, filled where one of a few pixels is selected."""
    step, width = cell // SAMPLES, box.width
    filled = []
    for top in range(0, box.height, cell):
        lines = range(top, min(top + cell, box.height), step)
        samples = _merged(selection[line * width : (line + 1) * width : step] for line in lines)
        filled.append(_cells(samples, step, cell))
    return filled


def _cells(samples: bytes, step: int, cell: int) -> int:
    """A row of cells in which samples are filled; there is one every `step` pixels."""
    stretch = samples.strip(NOTHING)
    if stretch and 0 not in stretch:  # as in most selections: there is no need to look at each sample
        first = len(samples) - len(samples.lstrip(NOTHING))
        last = first + len(stretch) - 1
        return (2 << last * step // cell) - (1 << first * step // cell)
    row = 0
    for number, value in enumerate(samples):
        if value:
            row |= 1 << number * step // cell
    return row


def _rows(selection: bytes, width: int, top: int, bottom: int) -> Iterable[bytes]:
    return (selection[row * width : (row + 1) * width] for row in range(top, bottom))


def _merged(rows: Iterable[bytes]) -> bytes:
    """One row that is filled wherever one of them is: as numbers they are or-ed without a loop over pixels."""
    total, length = 0, 0
    for row in rows:
        total, length = total | int.from_bytes(row, "little"), len(row)
    return total.to_bytes(length, "little")


def _connected(filled: list[int]) -> list[list[int]]:
    """Cells that touch, also by a corner, belong together. Rows of cells are numbers with a bit for each."""
    left, parts = list(filled), []
    while any(left):
        part = [0] * len(left)
        first = next(row for row, cells in enumerate(left) if cells)
        part[first] = left[first] & -left[first]
        while _spread(part, left):
            pass
        left = [cells & ~taken for cells, taken in zip(left, part, strict=True)]
        parts.append(part)
    return parts


def _spread(part: list[int], left: list[int]) -> bool:
    """Adds the neighbours of a part's cells, down and up again; whether there were any."""
    grew = False
    last = len(part) - 1
    for row in (*range(last + 1), *range(last, -1, -1)):
        near = part[row] | (part[row - 1] if row else 0) | (part[row + 1] if row < last else 0)
        added = (near | near << 1 | near >> 1) & left[row] & ~part[row]
        part[row] |= added
        grew = grew or added != 0
    return grew


def _bounds(part: list[int], cell: int) -> Rect:
    rows = [row for row, cells in enumerate(part) if cells]
    across = 0
    for cells in part:
        across |= cells
    x, y = ((across & -across).bit_length() - 1) * cell, rows[0] * cell
    return Rect(x, y, across.bit_length() * cell - x, (rows[-1] + 1) * cell - y)


def _tightened(selection: bytes, width: int, box: Rect) -> Rect:
    """The bounds without what is empty at their sides."""
    rows = [selection[y * width + box.x : y * width + box.right] for y in range(box.y, box.bottom)]
    filled = [number for number, row in enumerate(rows) if row.strip(NOTHING)]
    across = _merged(rows)
    left = len(across) - len(across.lstrip(NOTHING))
    return Rect(box.x + left, box.y + filled[0], len(across.strip(NOTHING)), filled[-1] + 1 - filled[0])
