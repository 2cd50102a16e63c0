"""A selection made wider, off the GUI thread: Krita's own way takes 5 s for 120 pixels at 4096², in which nothing else happens.

A mask is one long number with a byte for each pixel: the larger of each two bytes is then had without a loop over pixels, and a
shift moves the whole picture.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..qt import QImage
from .gray import converted, gray_bytes, gray_image, gray_rows, mapped
from .resample import scaled

CELLS = 12
"""A wide margin is grown in a reduced mask, in which it is about so many pixels wide."""
DIAGONAL = 0.293
"""An octagon, the sum of two straight and two diagonal lines, has equal sides when a diagonal takes this part of its reach."""

BLACK_AND_WHITE = b"\x00\xff"
HALF_TO_WHITE = bytes(128) + b"\xff" * 128


def grown(mask: QImage, reach: int) -> QImage:
    """`mask` (Grayscale8), wider by `reach` pixels in all directions, less an eighth of that at most and never less wide
    than it was. Values between black and white stay what they are, a hard edge stays hard. Round corners become octagons."""
    if reach <= 0:
        return mask
    cell = max(1, reach // CELLS)
    width, height = mask.width(), mask.height()
    pixels = gray_bytes(mask)
    rows = _reduced(pixels, width, cell)
    across = len(rows[0])
    wide = _widened(rows, across, (reach + 2 - cell) // cell if cell > 1 else reach)
    if cell == 1:
        return gray_image(b"".join(wide), width, height)
    # The last cells may hold fewer pixels than the others; scaled as they are, everything would be pressed together by that.
    large = scaled(gray_image(b"".join(wide), across, len(wide)), across * cell, len(wide) * cell)
    made = converted(large, QImage.Format.Format_Grayscale8).copy(0, 0, width, height)
    is_hard = not any(rows.translate(None, BLACK_AND_WHITE) for rows in gray_rows(mask))
    return mapped(made, HALF_TO_WHITE) if is_hard else made


class _Bytes:
    """Numbers of so many bytes, compared byte by byte."""

    def __init__(self, size: int) -> None:
        self._high = int.from_bytes(b"\x80" * size, "little")
        self._low = int.from_bytes(b"\x7f" * size, "little")

    def larger(self, a: int, b: int) -> int:
        """The larger one of each two bytes. Where the highest bits are equal, the rest decides: it is subtracted with that bit
        set, so that nothing is borrowed from the next byte."""
        if a == b:
            return a
        rest = (a | self._high) - (b & self._low)
        wins = ((a & ~b) | (~(a ^ b) & rest)) & self._high
        chosen = (wins - (wins >> 7)) | wins
        return b ^ ((a ^ b) & chosen)

    def largest(self, values: Iterable[int]) -> int:
        """Of several."""
        most = 0
        for value in values:
            most = self.larger(most, value)
        return most


def _reduced(pixels: bytes, width: int, cell: int) -> list[bytes]:
    """Rows of cells, each as white as the whitest pixel in it."""
    lines = [pixels[start : start + width] for start in range(0, len(pixels), width)]
    if cell == 1:
        return lines
    across = -(-width // cell)
    line_of, cells_of = _Bytes(width), _Bytes(across)
    rows = []
    for top in range(0, len(lines), cell):
        most = line_of.largest(int.from_bytes(line, "little") for line in lines[top : top + cell]).to_bytes(width, "little")
        columns = (int.from_bytes(most[first::cell], "little") for first in range(min(cell, width)))
        rows.append(cells_of.largest(columns).to_bytes(across, "little"))
    return rows


def _widened(rows: list[bytes], width: int, reach: int) -> list[bytes]:
    """The same rows, each pixel as white as the whitest one within reach."""
    beside = bytes(reach)
    line = width + 2 * reach
    around = bytes(line * reach)
    size = line * (len(rows) + 2 * reach)
    total = int.from_bytes(b"".join((around, *(beside + row + beside for row in rows), around)), "little")
    pixels = _Bytes(size)
    diagonal = min(round(DIAGONAL * reach), (reach - 1) // 2)  # diagonals alone would leave every other pixel out
    straight = reach - 2 * diagonal
    for step, half in ((1, straight), (line, straight), (line + 1, diagonal), (line - 1, diagonal)):
        total = _along(total, pixels, 8 * step, half)
    content = total.to_bytes(size, "little")
    starts = range(line * reach + reach, line * (reach + len(rows)), line)
    return [content[start : start + width] for start in starts]


def _along(total: int, pixels: _Bytes, step: int, half: int) -> int:
    """Each pixel as white as the whitest of `half` before it and `half` after it; `step`: from one to the next, in bits."""
    covered, wanted = 1, 2 * half + 1
    while covered < wanted:
        more = min(covered, wanted - covered)
        total = pixels.larger(total, total << (step * more))
        covered += more
    return total >> (step * half)
