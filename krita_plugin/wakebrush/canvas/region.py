"""Which part of the document a picture is made from, and in which size the model paints it.

Values in, values out: no Krita, no Qt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# What the service takes as `width` and `height` (docs/wire.md).
SMALLEST_SIDE = 64
LARGEST_SIDE = 8192
OVERSHOOT = 2
"""Beyond so many times the pixels they were trained on, diffusion models begin to repeat things in a picture."""


@dataclass(frozen=True)
class Rect:
    """Document pixels; covers x … x + width - 1."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column that is no longer covered."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row that is no longer covered."""
        return self.y + self.height

    @property
    def is_empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    def grown(self, margin: int) -> Rect:
        """The same rectangle with `margin` pixels more on each side."""
        return Rect(self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin)

    def clipped(self, other: Rect) -> Rect:
        """What both cover; empty (no negative sizes) when they don't meet."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        return Rect(x, y, max(0, min(self.right, other.right) - x), max(0, min(self.bottom, other.bottom) - y))

    def contains(self, other: Rect) -> bool:
        return self.x <= other.x and self.y <= other.y and other.right <= self.right and other.bottom <= self.bottom


@dataclass(frozen=True)
class RegionSettings:
    """Document pixels. `grow` widens the selection, `feather` softens its edge by so much to either side,
    `padding` is what the model sees around it beyond that."""

    grow: int = 0
    feather: int = 16
    padding: int = 64


@dataclass(frozen=True)
class ModelSize:
    """The size a model was trained on. It is asked for at most OVERSHOOT times as many pixels, and never for more than
    `max_pixels` (the service's limit; None: no other limit)."""

    width: int
    height: int
    multiple: int = 8
    max_pixels: int | None = None

    @property
    def trained_pixels(self) -> int:
        return self.width * self.height

    @property
    def most_pixels(self) -> int:
        most = OVERSHOOT * self.trained_pixels
        return most if self.max_pixels is None else min(most, self.max_pixels)


@dataclass(frozen=True)
class RegionPlan:
    """`area` is captured, sent and painted over: inside the canvas, never empty. The model paints `width` × `height`,
    which maps onto exactly the area. `grow` and `feather` are those of the settings, made to fit the selection."""

    area: Rect
    width: int
    height: int
    selected: bool
    grow: int = 0
    feather: int = 0


def plan(selection: Rect | None, canvas: tuple[int, int], settings: RegionSettings, model: ModelSize) -> RegionPlan:
    """What to capture and what to ask for.

    `selection` is the bounding box of the selected pixels; None, or one that lies outside the canvas, means the whole
    canvas. The area is widened to multiples of the model's step where the canvas has room, so that a picture of the
    area's own size needs no scaling. Aspect is kept within that step, unless it is more extreme than the service's
    sizes allow (128 : 1).
    """
    whole = Rect(0, 0, canvas[0], canvas[1])
    if whole.is_empty:
        raise ValueError(f"A canvas of {canvas[0]} × {canvas[1]} pixels has no region.")
    target = Rect(0, 0, 0, 0) if selection is None else selection.grown(settings.grow).clipped(whole)
    if selection is None or selection.is_empty or target.is_empty:
        width, height = _model_size(whole, model)
        return RegionPlan(whole, width, height, selected=False)
    feather = fitting_feather(settings.feather, target)
    area = target.grown(feather + settings.padding).clipped(whole)
    x, width = _widened(area.x, area.width, whole.width, model.multiple)
    y, height = _widened(area.y, area.height, whole.height, model.multiple)
    area = Rect(x, y, width, height)
    width, height = _model_size(area, model)
    return RegionPlan(area, width, height, selected=True, grow=settings.grow, feather=feather)


def fitting_feather(feather: int, target: Rect) -> int:
    """At most a quarter of the selection's shorter side: more would leave a small selection without a solid middle."""
    return max(0, min(feather, min(target.width, target.height) // 4))


def _widened(start: int, length: int, limit: int, multiple: int) -> tuple[int, int]:
    """`start` and `length` of the next longer stretch that is a multiple, or of all there is, kept inside 0 … limit."""
    longer = min(limit, math.ceil(length / multiple) * multiple)
    begin = start - (longer - length) // 2
    return max(0, min(begin, limit - longer)), longer


def _model_size(area: Rect, model: ModelSize) -> tuple[int, int]:
    """The area's shape in a size between what the model was trained on and the most it may be asked for."""
    pixels = area.width * area.height
    scale = math.sqrt(min(max(pixels, model.trained_pixels), model.most_pixels) / pixels)
    scale = max(scale, SMALLEST_SIDE / min(area.width, area.height))
    scale = min(scale, LARGEST_SIDE / max(area.width, area.height))
    width, height = _steps(area.width * scale, model.multiple), _steps(area.height * scale, model.multiple)
    if width * height > model.most_pixels:
        width, height = (
            _steps(area.width * scale, model.multiple, down=True),
            _steps(area.height * scale, model.multiple, down=True),
        )
    return width, height


def _steps(length: float, multiple: int, down: bool = False) -> int:
    """The length in the model's steps: the nearest, or the one below; within what the service takes."""
    smallest = math.ceil(SMALLEST_SIDE / multiple) * multiple
    largest = LARGEST_SIDE // multiple * multiple
    steps = math.floor(length / multiple + 1e-9) if down else round(length / multiple)
    return max(smallest, min(largest, steps * multiple))
