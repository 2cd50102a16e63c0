"""In which size a model paints an area. Values in, values out: no Krita, no Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .rect import Rect

# What the service takes as `width` and `height` (docs/wire.md).
SMALLEST_SIDE = 64
LARGEST_SIDE = 8192
OVERSHOOT = 2
"""Beyond so many times the pixels they were trained on, diffusion models begin to repeat things in a picture."""
TWO_PASS_REACH = 4
"""The most pixels that are asked for unless she says otherwise, as a multiple of those trained on: an enlarged first pass
has lost its fine forms beyond twice a side."""
COMPOSED_STRENGTH = 0.7
"""Below this strength the picture's forms come from what is there, so nothing repeats however large it is."""


@dataclass(frozen=True)
class ModelSize:
    """The size a model was trained on. `multiple`: sides are asked for in multiples of so many pixels. `max_pixels`: the
    service's limit for one picture; None: it has none."""

    width: int
    height: int
    multiple: int = 16
    max_pixels: int | None = None

    @property
    def trained_pixels(self) -> int:
        return self.width * self.height


def asked_size(area: Rect, model: ModelSize, multiplier: float = 1.0, megapixels: float | None = None) -> tuple[int, int]:
    """The area's shape, in a size that is at least what the model was trained on and at most the limit.

    The limit comes before everything but the service's smallest sides. Aspect is kept within a multiple, unless it is more
    extreme than the service's sizes allow (128 : 1).
    """
    most = most_pixels(model, megapixels)
    wanted = max(area.pixels * multiplier**2, model.trained_pixels)
    width, height = _shaped(area, min(wanted, most), model.multiple)
    if width * height > most:
        width, height = _shaped(area, most, model.multiple, down=True)
    return width, height


def first_pass(size: tuple[int, int], model: ModelSize, strength: float) -> tuple[int, int] | None:
    """The size to paint first, for a picture so large that the model would repeat itself; None: it is painted at once."""
    if size[0] * size[1] <= OVERSHOOT * model.trained_pixels or strength < COMPOSED_STRENGTH:
        return None
    first = _shaped(Rect(0, 0, *size), model.trained_pixels, model.multiple)
    return None if first[0] >= size[0] or first[1] >= size[1] else first


def most_pixels(model: ModelSize, megapixels: float | None) -> int:
    """The most pixels that are asked for in one picture."""
    most = TWO_PASS_REACH * model.trained_pixels if megapixels is None else round(megapixels * 1_000_000)
    return most if model.max_pixels is None else min(most, model.max_pixels)


def _shaped(area: Rect, pixels: float, multiple: int, down: bool = False) -> tuple[int, int]:
    """The area's shape with about so many pixels."""
    scale = math.sqrt(pixels / area.pixels)
    scale = max(scale, SMALLEST_SIDE / area.shorter_side)
    scale = min(scale, LARGEST_SIDE / max(area.width, area.height))
    return _steps(area.width * scale, multiple, down), _steps(area.height * scale, multiple, down)


def _steps(length: float, multiple: int, down: bool) -> int:
    """The length in the model's steps: the nearest, or the one below; within what the service takes."""
    smallest = math.ceil(SMALLEST_SIDE / multiple) * multiple
    largest = LARGEST_SIDE // multiple * multiple
    steps = math.floor(length / multiple + 1e-9) if down else round(length / multiple)
    return max(smallest, min(largest, steps * multiple))
