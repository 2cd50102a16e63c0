"""Paints a picture over with strokes: large ones everywhere, smaller ones where something is to be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from ..pixels import Pixels, from_image, to_image
from .noise import softened


@dataclass(frozen=True, slots=True)
class Brush:
    """A hand. `widths`: stroke widths per pass as parts of the sheet's side (square root of its area), coarse to fine.

    `liveliness` (0 to 1): how far strokes stray in colour and direction. `relief`: how thick the paint stands. `grain`: of the
    paper. `detail` (0 to 1): how much of the composition's own edges shows through.
    """

    widths: tuple[float, ...] = (0.045, 0.022, 0.0095, 0.0048)
    liveliness: float = 0.5
    relief: float = 0.55
    grain: float = 0.03
    detail: float = 0.45


@dataclass(frozen=True, slots=True)
class _Guide:
    """What strokes follow, sampled at a small size: colour, direction of forms, and where detail is."""

    colour: Pixels
    along: Pixels
    across: Pixels
    detail: Pixels


def paint(picture: Pixels, width: int, height: int, brush: Brush, chance: np.random.Generator) -> Pixels:
    """The picture painted at `width` × `height`. Its own size only limits the detail."""
    side = float(np.sqrt(width * height))
    guide = _guide(picture)
    reference = to_image(picture).resize((width, height), Image.Resampling.BICUBIC)
    blur = (picture.shape[0] * picture.shape[1]) ** 0.5 * brush.widths[0] * 0.35
    underpainting = to_image(picture).filter(ImageFilter.GaussianBlur(blur))
    canvas = underpainting.resize((width, height), Image.Resampling.BILINEAR)
    thickness = Image.new("L", (width, height), 128)
    for number, part in enumerate(brush.widths):
        _pass(canvas, thickness, guide, max(1.2, part * side), number, brush, chance)
    soft = from_image(canvas.filter(ImageFilter.GaussianBlur(max(0.5, side * 0.0007))))
    sharp = from_image(reference)
    edges = _enlarged(guide.detail, width, height)[..., None] * np.float32(brush.detail)
    mixed = soft + (sharp - soft) * edges
    return np.asarray(np.clip(mixed * _light(thickness, brush, side, chance), 0, 1), np.float32)


def _guide(picture: Pixels) -> _Guide:
    width = picture.shape[1]
    image = to_image(picture)
    grey = np.asarray(image.convert("L").filter(ImageFilter.GaussianBlur(max(1.5, width / 170))), np.float32)
    down, right = np.gradient(grey)
    # Directions are averaged as doubled angles: opposite gradients of the two sides of a form agree instead of cancelling.
    twice = np.stack([right**2 - down**2, 2 * right * down])
    averaged = [softened(plane, max(2, width // 90)) for plane in twice]
    angle = np.arctan2(averaged[1], averaged[0] - np.float32(0.6)) / 2 + np.pi / 2
    fine = np.asarray(image.convert("L"), np.float32)
    rough = np.abs(fine - np.asarray(image.convert("L").filter(ImageFilter.GaussianBlur(width / 110)), np.float32))
    spread = softened(rough, max(1, width // 160))
    detail = np.asarray(np.clip((spread - 2.0) / 14, 0, 1), np.float32)
    return _Guide(picture, np.asarray(np.cos(angle), np.float32), np.asarray(np.sin(angle), np.float32), detail)


@dataclass(frozen=True, slots=True)
class _Strokes:
    """Strokes of one pass: where, in which direction (radians), how long and wide (pixels), for which colour."""

    places: Pixels
    angle: Pixels
    length: Pixels
    wide: float
    base: Pixels


def _pass(
    canvas: Image.Image,
    thickness: Image.Image,
    guide: _Guide,
    wide: float,
    number: int,
    brush: Brush,
    chance: np.random.Generator,
) -> None:
    """One layer of strokes `wide` pixels across; later passes keep to places with detail."""
    strokes = _strokes(canvas.size, guide, wide, number, brush, chance)
    outlines = _outlines(strokes, chance)
    colours = _colours(strokes.base, brush, chance)
    heights = chance.integers(70, 200, len(outlines)).tolist()
    paint_stroke, raise_stroke = ImageDraw.Draw(canvas).polygon, ImageDraw.Draw(thickness).polygon
    for outline, colour, high in zip(outlines, colours, heights, strict=True):
        paint_stroke(outline, fill=tuple(colour))
        if number < 3:
            raise_stroke(outline, fill=high)
    if number < 2:
        _bristles(canvas, thickness, strokes, brush, chance)


def _strokes(
    size: tuple[int, int], guide: _Guide, wide: float, number: int, brush: Brush, chance: np.random.Generator
) -> _Strokes:
    spacing = wide * (0.62 if number == 0 else 0.85)
    columns, rows = int(size[0] / spacing) + 2, int(size[1] / spacing) + 2
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2).astype(np.float32)
    places = (grid + chance.uniform(-0.7, 0.7, grid.shape).astype(np.float32)) * np.float32(spacing)
    high, across = guide.colour.shape[:2]
    cells = np.clip((places * np.asarray([across / size[0], high / size[1]])).astype(np.intp), 0, [across - 1, high - 1])
    here = cells[:, 1], cells[:, 0]
    if number:
        wanted = guide.detail[here] * (2.2 if number == 1 else 0.8) + (0.4, 0.05, 0.006)[min(number, 3) - 1]
        kept = np.flatnonzero(chance.random(len(places)) < wanted)
    else:
        kept = np.arange(len(places))
    kept = chance.permutation(kept)
    places, here = places[kept], (here[0][kept], here[1][kept])
    stray = chance.normal(0, 0.28 * brush.liveliness * (1.4 if number == 0 else 1.0), len(places))
    angle = np.asarray(np.arctan2(guide.across[here], guide.along[here]) + stray, np.float32)
    reach = wide * chance.uniform(1.4, 3.0, len(places)) * (1.0, 0.85, 0.6, 0.6)[min(number, 3)]
    length = _within_forms(guide, places, size, angle, np.asarray(reach, np.float32))
    return _Strokes(places, angle, length, wide, guide.colour[here])


def _within_forms(guide: _Guide, places: Pixels, size: tuple[int, int], angle: Pixels, length: Pixels) -> Pixels:
    """Stroke lengths, cut short where a stroke would run into another colour."""
    high, across = guide.colour.shape[:2]
    scale = np.asarray([across / size[0], high / size[1]])
    colours = []
    for end in (0.0, 0.9, -0.9):
        there = places + np.stack([np.cos(angle), np.sin(angle)], -1) * (length * end)[:, None]
        cells = np.clip((there * scale).astype(np.intp), 0, [across - 1, high - 1])
        colours.append(guide.colour[cells[:, 1], cells[:, 0]])
    strays = np.maximum(np.abs(colours[1] - colours[0]).max(-1), np.abs(colours[2] - colours[0]).max(-1))
    return length * np.where(strays > 0.2, np.float32(0.35), np.float32(1))


def _outlines(strokes: _Strokes, chance: np.random.Generator) -> list[list[float]]:
    """Strokes as polygons: a slightly bent path that swells and thins out."""
    places, length = strokes.places, strokes.length
    bend = chance.normal(0, 0.16, len(places)).astype(np.float32)
    stations = np.asarray([-1.0, -0.6, 0.0, 0.62, 1.0], np.float32)
    girth = np.asarray([0.55, 0.95, 1.0, 0.85, 0.25], np.float32) * strokes.wide * 0.5
    heading = strokes.angle[:, None] + bend[:, None] * stations
    middle_x = places[:, :1] + np.cos(heading) * stations * length[:, None]
    middle_y = places[:, 1:] + np.sin(heading) * stations * length[:, None]
    aside_x, aside_y = -np.sin(heading) * girth, np.cos(heading) * girth
    x = np.concatenate([middle_x + aside_x, (middle_x - aside_x)[:, ::-1]], 1)
    y = np.concatenate([middle_y + aside_y, (middle_y - aside_y)[:, ::-1]], 1)
    outlines: list[list[float]] = np.stack([x, y], -1).reshape(len(places), -1).tolist()
    return outlines


def _colours(base: Pixels, brush: Brush, chance: np.random.Generator) -> list[list[int]]:
    """Stroke colours: brighter and darker, warmer and cooler than what they stand for."""
    count = len(base)
    value = chance.normal(0, 0.045 * brush.liveliness, (count, 1))
    warmth = chance.normal(0, 0.03 * brush.liveliness, (count, 1)) * np.asarray([1.0, 0.1, -1.0])
    return _bytes(base * (1 + value) + value * 0.4 + warmth)


def _bytes(colours: NDArray[Any]) -> list[list[int]]:
    listed: list[list[int]] = np.clip(colours * 255, 0, 255).astype(np.uint8).tolist()
    return listed


def _bristles(canvas: Image.Image, thickness: Image.Image, strokes: _Strokes, brush: Brush, chance: np.random.Generator) -> None:
    """Fine lines along large strokes, as bristles leave them."""
    draw, raised = ImageDraw.Draw(canvas), ImageDraw.Draw(thickness)
    thin = max(1, round(strokes.wide * 0.09))
    picked = np.flatnonzero(chance.random(len(strokes.places)) < 0.75)
    angle, base = strokes.angle[picked], strokes.base[picked]
    across = np.stack([-np.sin(angle), np.cos(angle)], -1)
    ahead = np.stack([np.cos(angle), np.sin(angle)], -1)
    for offset in (-0.3, 0.05, 0.32):
        centre = strokes.places[picked] + across * strokes.wide * (offset + chance.normal(0, 0.06, (len(picked), 1)))
        reach = ahead * strokes.length[picked, None] * chance.uniform(0.4, 0.85, (len(picked), 1))
        ends = np.concatenate([centre - reach, centre + reach * 0.8], 1).tolist()
        tone = chance.normal(0, 0.05 * brush.liveliness, (len(picked), 1))
        heights = chance.integers(40, 225, len(picked)).tolist()
        for line, colour, high in zip(ends, _bytes(base * (1 + tone) + tone * 0.5), heights, strict=True):
            draw.line(line, fill=tuple(colour), width=thin)
            raised.line(line, fill=high, width=thin)


def _light(thickness: Image.Image, brush: Brush, side: float, chance: np.random.Generator) -> Pixels:
    """How light falls on the paint's relief and the paper's grain, as a factor per pixel."""
    soft = np.asarray(thickness.filter(ImageFilter.GaussianBlur(max(0.6, side / 1100))), np.float32)
    slope = np.zeros_like(soft)
    slope[1:, 1:] = soft[1:, 1:] - soft[:-1, :-1]
    factor = np.float32(1) + np.clip(slope * np.float32(0.0032 * brush.relief), -0.13, 0.13)
    if brush.grain:
        factor += _paper(soft.shape[0], soft.shape[1], side, chance) * np.float32(brush.grain)
    return np.asarray(factor[..., None], np.float32)


def _paper(height: int, width: int, side: float, chance: np.random.Generator) -> Pixels:
    """Grain of rough paper, about -1 to 1, repeated in tiles."""
    tile = Image.fromarray(softened(chance.normal(0, 1.6, (192, 192)).astype(np.float32), 1))
    step = max(1, round(side / 700))
    rough = np.asarray(tile.resize((192 * step, 192 * step), Image.Resampling.BILINEAR), np.float32)
    repeats = (-(-height // rough.shape[0]), -(-width // rough.shape[1]))
    return np.tile(rough, repeats)[:height, :width]


def _enlarged(plane: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR), np.float32)
