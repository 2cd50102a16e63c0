"""Head and shoulders in the light of one window; nobody's likeness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..pixels import Pixels
from .figures import Drawing, shade, towards
from .palette import Colour
from .scenery import Stage

SKINS: tuple[Colour, ...] = ((0.88, 0.69, 0.57), (0.66, 0.46, 0.34), (0.47, 0.32, 0.24), (0.93, 0.77, 0.68))
HAIRS: tuple[Colour, ...] = ((0.2, 0.13, 0.1), (0.42, 0.24, 0.12), (0.7, 0.55, 0.32), (0.12, 0.11, 0.13))


@dataclass(frozen=True, slots=True)
class Sitter:
    """Where the head is (middle of the face), how large, from which side the light falls (1: right), and its colours."""

    x: float
    y: float
    unit: float
    side: int
    skin: Colour
    hair: Colour
    coat: Colour
    long_hair: bool


def head(stage: Stage, picture: Pixels, accent: Colour) -> Pixels:
    """One sitter in front of the picture."""
    chance, palette = stage.chance, stage.palette
    sitter = Sitter(
        x=stage.width * float(chance.uniform(0.46, 0.54)),
        y=stage.height * 0.42,
        unit=min(stage.width, stage.height),
        side=1 if stage.light_x > stage.width / 2 else -1,
        skin=towards(SKINS[int(chance.integers(len(SKINS)))], palette.glow, 0.12),
        hair=towards(HAIRS[int(chance.integers(len(HAIRS)))], palette.dark, 0.15),
        coat=towards(accent, palette.dark, 0.25),
        long_hair=bool(chance.random() < 0.55),
    )
    drawing = Drawing(stage, picture)
    _shoulders(drawing, sitter)
    _face(drawing, sitter)
    _features(drawing, sitter)
    _fringe(drawing, sitter)
    return drawing.picture()


def _shoulders(drawing: Drawing, sitter: Sitter) -> None:
    x, y, unit, low = sitter.x, sitter.y, sitter.unit, float(drawing.stage.height)
    drawing.spot(x, y - unit * 0.02, unit * 0.2, unit * 0.26, sitter.hair)
    if sitter.long_hair:
        fall = [(-0.2, 0.0), (-0.235, 0.2), (-0.2, 0.42), (0.2, 0.42), (0.235, 0.2), (0.2, 0.0)]
        drawing.polygon([(x + unit * across, y + unit * down) for across, down in fall], shade(sitter.hair, 0.85))
    neck = [(-0.075, 0.12), (0.075, 0.12), (0.1, 0.34), (0.0, 0.42), (-0.1, 0.34)]
    drawing.polygon([(x + unit * across, y + unit * down) for across, down in neck], shade(sitter.skin, 0.74))
    left = [(-0.52, low), (-0.44, y + unit * 0.5), (-0.3, y + unit * 0.41), (-0.1, y + unit * 0.33), (0.0, y + unit * 0.44)]
    outline = [(x + unit * across, down) for across, down in left] + [(x - unit * across, down) for across, down in left[-2::-1]]
    drawing.polygon(outline, sitter.coat)
    away = -sitter.side
    shadow = [
        (0.0, low),
        (0.02, y + unit * 0.46),
        (0.1, y + unit * 0.34),
        (0.3, y + unit * 0.42),
        (0.44, y + unit * 0.5),
        (0.52, low),
    ]
    drawing.polygon([(x + away * unit * across, down) for across, down in shadow], drawing.palette.dark, 0.34)
    collar = [(-0.1, 0.33), (0.0, 0.45), (0.1, 0.33), (0.13, 0.37), (0.0, 0.52), (-0.13, 0.37)]
    drawing.polygon([(x + unit * across, y + unit * down) for across, down in collar], shade(sitter.coat, 1.3))


def _face(drawing: Drawing, sitter: Sitter) -> None:
    x, y, unit, side = sitter.x, sitter.y, sitter.unit, sitter.side
    drawing.polygon(_oval(x, y + unit * 0.02, unit * 0.145, unit * 0.2), sitter.skin)
    for reach, alpha in ((0.055, 0.14), (0.075, 0.14), (0.095, 0.16)):
        drawing.polygon(
            _oval(x - side * unit * reach, y + unit * 0.035, unit * (0.15 - reach), unit * 0.17), drawing.palette.dark, alpha
        )
    for reach, alpha in ((0.03, 0.12), (0.055, 0.16)):
        drawing.polygon(_oval(x + side * unit * reach, y + unit * 0.01, unit * 0.075, unit * 0.13), drawing.palette.glow, alpha)
    drawing.spot(x + side * unit * 0.075, y + unit * 0.075, unit * 0.035, unit * 0.025, (0.85, 0.4, 0.34), 0.22)


def _features(drawing: Drawing, sitter: Sitter) -> None:
    x, y, unit, side = sitter.x, sitter.y, sitter.unit, sitter.side
    for eye in (-1, 1):
        drawing.spot(x + eye * unit * 0.058, y - unit * 0.004, unit * 0.034, unit * 0.02, shade(sitter.skin, 0.68), 0.7)
        drawing.spot(x + eye * unit * 0.058, y, unit * 0.024, unit * 0.009, shade(sitter.skin, 1.12))
        drawing.spot(x + eye * unit * 0.058, y, unit * 0.01, unit * 0.0095, towards(drawing.palette.dark, sitter.hair, 0.4))
        drawing.line(
            [(x + eye * unit * 0.032, y - unit * 0.011), (x + eye * unit * 0.082, y - unit * 0.007)],
            drawing.palette.dark,
            unit * 0.005,
        )
        brow = [
            (x + eye * unit * 0.028, y - unit * 0.034),
            (x + eye * unit * 0.06, y - unit * 0.043),
            (x + eye * unit * 0.092, y - unit * 0.032),
        ]
        drawing.line(brow, sitter.hair, unit * 0.009, 0.8)
    nose = [(0.0, 0.0), (-0.022, 0.078), (-0.012, 0.09), (0.012, 0.09)]
    drawing.polygon([(x + side * unit * across, y + unit * down) for across, down in nose], shade(sitter.skin, 0.72), 0.8)
    drawing.spot(x + side * unit * 0.008, y + unit * 0.07, unit * 0.008, unit * 0.018, shade(sitter.skin, 1.18), 0.7)
    mouth = towards((0.66, 0.25, 0.22), sitter.skin, 0.35)
    drawing.spot(x, y + unit * 0.128, unit * 0.04, unit * 0.008, shade(mouth, 0.75))
    drawing.spot(x, y + unit * 0.138, unit * 0.03, unit * 0.009, mouth)


def _fringe(drawing: Drawing, sitter: Sitter) -> None:
    x, y, unit, side = sitter.x, sitter.y, sitter.unit, sitter.side
    parting = [
        (-0.165, 0.02),
        (-0.16, -0.12),
        (-0.06, -0.24),
        (0.06, -0.25),
        (0.15, -0.15),
        (0.17, 0.02),
        (0.135, -0.06),
        (0.04, -0.14),
        (-0.1, -0.08),
    ]
    drawing.polygon([(x + side * unit * across, y + unit * down) for across, down in parting], sitter.hair)
    for strand in np.linspace(-0.12, 0.13, 9):
        top = (x + side * unit * float(strand) * 0.6, y - unit * 0.235)
        end = (x + side * unit * float(strand) * 1.15, y - unit * 0.12 - unit * 0.03 * float(np.cos(strand * 20)))
        drawing.line([top, end], shade(sitter.hair, 1.5 if strand > 0 else 0.75), unit * 0.008, 0.5)


def _oval(x: float, y: float, across: float, high: float) -> list[tuple[float, float]]:
    """A face's outline: an ellipse that narrows towards the chin."""
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    narrow = np.where(np.sin(turn) > 0, 1 - 0.28 * np.sin(turn) ** 2, 1.0)
    return [(float(px), float(py)) for px, py in zip(x + np.cos(turn) * across * narrow, y + np.sin(turn) * high, strict=True)]
