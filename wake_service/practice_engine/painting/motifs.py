"""Whole motifs made of many figures: a wood, a town, a bunch of flowers, a head."""

from __future__ import annotations

import numpy as np

from ..pixels import Pixels
from .figures import Drawing, leafy, pine, shade, towards
from .noise import blend, fractal
from .palette import Colour, array
from .scenery import Stage


def wood(stage: Stage, picture: Pixels, rows: int, near_only: bool = False) -> Pixels:
    """Rows of trees from pale and far to dark and near, with mist between them and trunks in front."""
    pines = stage.chance.random() < 0.45 or "pines" in stage.scene.subjects
    for row in range(rows):
        near = (row + 1) / rows
        drawing = Drawing(stage, picture)
        foot = stage.horizon + (stage.height * 1.02 - stage.horizon) * near**1.4
        height = stage.height * (0.16 + 0.4 * near**1.5)
        colour = towards(
            towards(stage.palette.horizon, stage.palette.leaf_shade, 0.25 + 0.75 * near), stage.palette.leaf, 0.35 * near
        )
        gap = height * (0.26 if pines else 0.5) * (1.0 + 1.1 * near)
        x = float(stage.chance.uniform(-gap, 0))
        while x < stage.width + gap:
            clearing = abs(x - stage.width * 0.5) < stage.width * 0.2 * near and (near > 0.5 or near_only)
            if not clearing:
                tall = height * float(stage.chance.uniform(0.65, 1.15))
                tone = shade(colour, float(stage.chance.uniform(0.82, 1.15)))
                (pine if pines else leafy)(drawing, x, foot + float(stage.chance.uniform(-0.03, 0.03)) * height, tall, tone)
            x += gap * float(stage.chance.uniform(0.6, 1.4))
        picture = drawing.picture()
        if near < 1 and not near_only:
            picture = _mist(stage, picture, foot, 0.35 * (1 - near) + 0.08)
    return picture


def _mist(stage: Stage, picture: Pixels, foot: float, amount: float) -> Pixels:
    band = np.exp(-(((stage.rows() - foot) / (stage.height * 0.1)) ** 2))
    return blend(picture, array(stage.palette.horizon), band * amount * np.ones((1, stage.width), np.float32))


def town(stage: Stage, picture: Pixels) -> Pixels:
    """Three rows of buildings; windows are lit where the light is low."""
    dark_hours = stage.scene.light in ("night", "storm", "sunset")
    for row in range(3):
        near = row / 2
        drawing = Drawing(stage, picture)
        colour = towards(stage.palette.horizon, towards(stage.palette.dark, stage.palette.far, 0.35), 0.35 + 0.6 * near)
        x = float(stage.chance.uniform(-0.1, 0.0)) * stage.width
        while x < stage.width:
            wide = stage.width * float(stage.chance.uniform(0.05, 0.11)) * (0.8 + 0.5 * near)
            foot = stage.height * (0.74 + 0.16 * near)
            top = foot - stage.height * float(stage.chance.uniform(0.12, 0.5)) * (1.05 - 0.3 * near)
            tone = shade(colour, float(stage.chance.uniform(0.85, 1.15)))
            drawing.box(x, top, x + wide, stage.height, tone)
            drawing.box(x + wide * 0.68, top, x + wide, stage.height, stage.palette.dark, 0.25)
            if stage.chance.random() < 0.4:
                drawing.polygon([(x, top), (x + wide, top), (x + wide * 0.5, top - wide * 0.5)], shade(tone, 0.8))
            _windows(drawing, x, top, wide, foot, 0.5 if dark_hours else 0.16)
            x += wide * float(stage.chance.uniform(0.9, 1.25))
        picture = drawing.picture()
        picture = _mist(stage, picture, stage.height * (0.74 + 0.16 * near), 0.3 * (1 - near))
    return _street(stage, picture)


def _windows(drawing: Drawing, x: float, top: float, wide: float, foot: float, lit: float) -> None:
    cell = wide / 5
    for column in range(1, 5):
        y = top + cell * 0.9
        while y < foot - cell:
            chance = float(drawing.stage.chance.random())
            if chance < lit:
                drawing.box(x + cell * (column - 0.3), y, x + cell * (column + 0.25), y + cell * 0.75, drawing.palette.lamp, 0.9)
            elif chance < 0.8:
                drawing.box(x + cell * (column - 0.3), y, x + cell * (column + 0.25), y + cell * 0.75, drawing.palette.dark, 0.35)
            y += cell * 1.35


def _street(stage: Stage, picture: Pixels) -> Pixels:
    """Wet ground that mirrors what stands on it."""
    first = int(stage.height * 0.88)
    depth = stage.height - first
    ripple = (fractal(stage.chance, depth, stage.width, 20, 3, stretch=3) - 0.5) * depth * 0.6
    rows = np.clip(first - 1 - np.arange(depth)[:, None] * 1.8 - ripple, 0, first - 1).astype(np.intp)
    mirrored = picture[rows, np.arange(stage.width)[None, :]]
    return np.concatenate([picture[:first], blend(mirrored, array(stage.palette.dark), 0.45)])


def blossoms(stage: Stage, picture: Pixels, accent: Colour) -> Pixels:
    """Dabs of flowers in a meadow, small and many far away, large and few in front."""
    drawing = Drawing(stage, picture)
    colours = (accent, towards(accent, (1, 1, 1), 0.5), (0.96, 0.86, 0.4), (0.93, 0.9, 0.95))
    for _ in range(420):
        near = float(stage.chance.random()) ** 0.6
        y = stage.height * (0.68 + 0.34 * near)
        size = stage.height * (0.002 + 0.011 * near**2) * float(stage.chance.uniform(0.6, 1.3))
        x = float(stage.chance.uniform(0, stage.width))
        drawing.line([(x, y), (x + size * 0.5, y + size * 4)], stage.palette.leaf_shade, size * 0.25, 0.7)
        drawing.spot(x, y, size, size * 0.8, colours[int(stage.chance.integers(len(colours)))])
    return drawing.picture()


def bouquet(stage: Stage, picture: Pixels, accent: Colour) -> Pixels:
    """A vase of flowers on a table in front of a plain wall."""
    palette, chance, width, height = stage.palette, stage.chance, stage.width, stage.height
    drawing = Drawing(stage, picture)
    table = towards((0.45, 0.3, 0.2), palette.dark, 0.25)
    drawing.box(0, height * 0.74, width, height, table)
    drawing.box(0, height * 0.74, width, height * 0.755, shade(table, 1.4))
    unit, x = min(width, height), width * float(chance.uniform(0.42, 0.58))
    drawing.spot(x + unit * 0.1, height * 0.85, unit * 0.22, unit * 0.035, palette.dark, 0.45)
    glass = towards(palette.sky, palette.cloud, 0.35)
    drawing.polygon(
        [
            (x - unit * 0.1, height * 0.58),
            (x + unit * 0.1, height * 0.58),
            (x + unit * 0.13, height * 0.74),
            (x + unit * 0.07, height * 0.86),
            (x - unit * 0.07, height * 0.86),
            (x - unit * 0.13, height * 0.74),
        ],
        glass,
    )
    drawing.polygon(
        [
            (x + unit * 0.03, height * 0.58),
            (x + unit * 0.1, height * 0.58),
            (x + unit * 0.13, height * 0.74),
            (x + unit * 0.07, height * 0.86),
            (x + unit * 0.02, height * 0.86),
        ],
        palette.dark,
        0.3,
    )
    centre = height * 0.36
    for _ in range(46):
        angle, reach = float(chance.uniform(0, 6.283)), float(chance.random()) ** 0.5
        leaf_x, leaf_y = x + np.cos(angle) * reach * unit * 0.33, centre + np.sin(angle) * reach * unit * 0.25 + unit * 0.03
        drawing.line([(leaf_x, leaf_y), (x, height * 0.6)], palette.leaf_shade, unit * 0.006)
        drawing.spot(leaf_x, leaf_y, unit * 0.035, unit * 0.02, shade(palette.leaf, float(chance.uniform(0.6, 1.1))))
    colours = (accent, towards(accent, (1, 0.95, 0.9), 0.6), (0.95, 0.78, 0.35), (0.93, 0.92, 0.96))
    for flower in range(24):
        angle, reach = float(chance.uniform(0, 6.283)), float(chance.random()) ** 0.55
        _flower(
            drawing,
            x + np.cos(angle) * reach * unit * 0.3,
            centre + np.sin(angle) * reach * unit * 0.23,
            unit * float(chance.uniform(0.03, 0.06)),
            colours[flower % 4],
        )
    return drawing.picture()


def _flower(drawing: Drawing, x: float, y: float, size: float, colour: Colour) -> None:
    chance = drawing.stage.chance
    for petal in range(7):
        angle = petal * 0.9 + float(chance.uniform(0, 0.5))
        tone = shade(colour, float(chance.uniform(0.75, 1.15)) - 0.15 * float(np.sin(angle)))
        drawing.spot(x + float(np.cos(angle)) * size * 0.6, y + float(np.sin(angle)) * size * 0.5, size * 0.5, size * 0.42, tone)
    drawing.spot(x, y, size * 0.28, size * 0.24, shade(colour, 0.5))
