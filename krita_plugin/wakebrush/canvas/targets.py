"""Which parts of the document are to be painted, before any size is chosen. Values in, values out: no Krita, no Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Protocol

from ..i18n import tr
from .rect import Rect
from .scene import Mask, PlanSettings, Scene, Task

MOST_PARTS = 8
"""A selection in more parts than this is a pattern, and painted as one."""
NEED_A_MASK = (Task.FILL, Task.ADD, Task.REMOVE, Task.BACKGROUND)


class NothingToPaint(ValueError):
    """The task has nothing to work on in this scene; the message is a sentence that says what it needs."""


def mask_of(scene: Scene, settings: PlanSettings) -> Mask:
    """What says where the task paints. Raises NothingToPaint."""
    if settings.task is Task.EXPAND:
        if any(settings.margins):
            return Mask.MARGINS
        if scene.holes is None:
            raise NothingToPaint(tr("Nothing is transparent here. Say by how many pixels the canvas is to grow."))
        return Mask.HOLES
    if scene.selected is not None:
        return Mask.SELECTION
    if settings.mask_from_layer and scene.paint is not None and settings.task is not Task.GENERATE:
        return Mask.PAINT
    if settings.task in NEED_A_MASK:
        raise NothingToPaint(tr("Select first where this is to be painted."))
    return Mask.ALL


class Reach(Protocol):
    """How far a picture of some bounds reaches."""

    def area(self, part: Rect) -> Rect:
        """What it takes in."""

    def soft(self, part: Rect) -> Rect:
        """Where it changes anything."""


def parts_of(scene: Scene, settings: PlanSettings, mask: Mask, canvas: Rect, reach: Reach) -> list[Rect]:
    """Bounds of what is painted, one for each picture."""
    if mask is Mask.MARGINS:
        return separated(_strips(scene.whole, canvas), reach)
    whole = {Mask.SELECTION: scene.selected, Mask.PAINT: scene.paint, Mask.HOLES: scene.holes}.get(mask)
    bounds = scene.whole if whole is None else whole.clipped(scene.whole)
    if mask is Mask.SELECTION and settings.split_islands:
        islands = [island.clipped(scene.whole) for island in scene.islands if island.meets(scene.whole)]
        if 1 < len(islands) <= MOST_PARTS:
            return separated(islands, reach)
    return [bounds]


def separated(parts: Sequence[Rect], reach: Reach) -> list[Rect]:
    """Parts that are near each other become one: where both would change the same pixels, or where one picture of both
    takes no more pixels than two pictures do."""
    left = list(parts)
    while pair := next(((a, b) for a, b in combinations(left, 2) if _near(a, b, reach)), None):
        left = [part for part in left if part not in pair] + [pair[0].united(pair[1])]
    return left


def _near(a: Rect, b: Rect, reach: Reach) -> bool:
    return reach.soft(a).meets(reach.soft(b)) or reach.area(a.united(b)).pixels <= reach.area(a).pixels + reach.area(b).pixels


def _strips(whole: Rect, canvas: Rect) -> list[Rect]:
    """The new parts of a canvas that has grown; all of it when they go round a corner."""
    left, top = whole.x - canvas.x, whole.y - canvas.y
    right, bottom = canvas.right - whole.right, canvas.bottom - whole.bottom
    if (left or right) and (top or bottom):
        return [canvas]
    strips = [
        Rect(canvas.x, canvas.y, left, canvas.height),
        Rect(whole.right, canvas.y, right, canvas.height),
        Rect(canvas.x, canvas.y, canvas.width, top),
        Rect(canvas.x, whole.bottom, canvas.width, bottom),
    ]
    return [strip for strip in strips if not strip.is_empty]


def enlarged(canvas: Rect, margins: tuple[int, int, int, int]) -> Rect:
    """The canvas with more on its left, top, right and bottom. Raises ValueError when that is less."""
    left, top, right, bottom = margins
    if min(margins) < 0:
        raise ValueError(f"A canvas cannot grow by {margins} pixels.")
    return Rect(canvas.x - left, canvas.y - top, canvas.width + left + right, canvas.height + top + bottom)


def part_of(percent: float, box: Rect) -> int:
    """Per cent of a box's shorter side, in whole pixels."""
    return max(0, round(percent / 100 * box.shorter_side))


def widened(area: Rect, least: int, multiple: int, canvas: Rect) -> Rect:
    """The area with at least so many pixels a side and in multiples, as far as the canvas has room."""
    x, width = _stretched(area.x, area.width, canvas.x, canvas.width, least, multiple)
    y, height = _stretched(area.y, area.height, canvas.y, canvas.height, least, multiple)
    return Rect(x, y, width, height)


def _stretched(start: int, length: int, begin: int, room: int, least: int, multiple: int) -> tuple[int, int]:
    longer = min(room, math.ceil(max(length, least) / multiple) * multiple)
    first = start - (longer - length) // 2
    return max(begin, min(first, begin + room - longer)), longer
