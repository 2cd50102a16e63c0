"""Irregularity: fractal noise in two dimensions and along a line, and small helpers of shading."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ..pixels import Pixels


def fractal(chance: np.random.Generator, height: int, width: int, cells: float, octaves: int = 4, stretch: float = 1.0) -> Pixels:
    """Cloudy noise, 0 to 1, about `cells` spots along the longer side; `stretch` above 1 makes spots wide and flat."""
    total = np.zeros((height, width), np.float32)
    weight, longest = 1.0, max(height, width)
    for _ in range(octaves):
        rows = max(2, round(cells * height / longest * stretch) + 1)
        columns = max(2, round(cells * width / longest) + 1)
        grid = Image.fromarray(chance.random((min(rows, height), min(columns, width)), np.float32))
        total += weight * np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC), np.float32)
        weight *= 0.5
        cells *= 2
    low, high = float(total.min()), float(total.max())
    return (total - low) / np.float32(max(high - low, 1e-6))


def ridge(chance: np.random.Generator, width: int, bumps: float, roughness: float = 0.5, octaves: int = 6) -> Pixels:
    """A skyline: heights along a line, -1 to 1."""
    along = np.linspace(0, 1, width, dtype=np.float32)
    total = np.zeros(width, np.float32)
    weight = 1.0
    for _ in range(octaves):
        knots = chance.uniform(-1, 1, max(2, round(bumps)) + 3)
        place = along * (len(knots) - 3) + 1
        below = place.astype(np.intp)
        part = smooth(0, 1, place - below)
        total += np.float32(weight) * np.asarray(knots[below] * (1 - part) + knots[below + 1] * part, np.float32)
        weight *= roughness
        bumps *= 2
    return total / np.float32(max(float(np.abs(total).max()), 1e-6))


def smooth(start: float, end: float, value: Any) -> Any:
    """0 before `start`, 1 after `end`, softly between."""
    part = np.clip((value - start) / (end - start), 0, 1)
    return part * part * (3 - 2 * part)


def blend(base: Pixels, over: Any, weight: Any) -> Pixels:
    """`over` laid on `base` with a weight per pixel (plane or number); works on whole pictures."""
    part = np.asarray(weight, np.float32)
    if part.ndim == 2:
        part = part[..., None]
    return np.asarray(base + (over - base) * part, np.float32)


def shifted(plane: Pixels, down: int, right: int) -> Pixels:
    """A plane moved by whole pixels; its border values fill what becomes free."""
    rows = np.clip(np.arange(plane.shape[0]) - down, 0, plane.shape[0] - 1)
    columns = np.clip(np.arange(plane.shape[1]) - right, 0, plane.shape[1] - 1)
    return plane[rows][:, columns]


def softened(plane: Pixels, radius: int) -> Pixels:
    """A plane averaged over squares of `2 * radius + 1`; its border values are taken to go on outside."""
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (radius + 1, radius)
        sums = np.cumsum(np.pad(plane, padding, mode="edge"), axis=axis, dtype=np.float64)
        span = 2 * radius + 1
        upper, lower = (sums[span:], sums[:-span]) if axis == 0 else (sums[:, span:], sums[:, :-span])
        plane = np.asarray((upper - lower) / span, np.float32)
    return plane
