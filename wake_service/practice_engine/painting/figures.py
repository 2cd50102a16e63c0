"""Things with outlines: lighthouse, house, trees, boats. Drawn at twice the composition's size, so that edges come out soft."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ..pixels import Pixels, from_image, to_image
from .palette import Colour, Palette
from .scenery import Stage

SCALE = 2
Points = Sequence[tuple[float, float]]


class Drawing:
    """A picture being drawn on. Coordinates are the stage's pixels; colours and `alpha` go from 0 to 1."""

    def __init__(self, stage: Stage, picture: Pixels) -> None:
        self.stage = stage
        self.palette: Palette = stage.palette
        large = (stage.width * SCALE, stage.height * SCALE)
        self._image = to_image(picture).resize(large, Image.Resampling.BILINEAR)
        self._draw = ImageDraw.Draw(self._image, "RGBA")

    def polygon(self, points: Points, colour: Colour, alpha: float = 1.0) -> None:
        """A filled outline."""
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=_bytes(colour, alpha))

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour, alpha: float = 1.0) -> None:
        """A filled rectangle."""
        if right > left and bottom > top:
            self._draw.rectangle((left * SCALE, top * SCALE, right * SCALE, bottom * SCALE), fill=_bytes(colour, alpha))

    def spot(self, x: float, y: float, across: float, high: float, colour: Colour, alpha: float = 1.0) -> None:
        """A filled ellipse of half sizes `across` and `high`."""
        edges = ((x - across) * SCALE, (y - high) * SCALE, (x + across) * SCALE, (y + high) * SCALE)
        self._draw.ellipse(edges, fill=_bytes(colour, alpha))

    def line(self, points: Points, colour: Colour, width: float, alpha: float = 1.0) -> None:
        """A line of `width` stage pixels."""
        self._draw.line(
            [(x * SCALE, y * SCALE) for x, y in points], fill=_bytes(colour, alpha), width=max(1, round(width * SCALE))
        )

    def picture(self) -> Pixels:
        """The picture with all that was drawn."""
        return from_image(self._image.resize((self.stage.width, self.stage.height), Image.Resampling.BOX))


def shade(colour: Colour, factor: float) -> Colour:
    """Darker below 1, lighter above."""
    return min(1.0, colour[0] * factor), min(1.0, colour[1] * factor), min(1.0, colour[2] * factor)


def towards(first: Colour, second: Colour, part: float) -> Colour:
    """A mix of two colours."""
    a, b = first, second
    return a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, a[2] + (b[2] - a[2]) * part


def _bytes(colour: Colour, alpha: float) -> tuple[int, int, int, int]:
    red, green, blue = (max(0, min(255, round(part * 255))) for part in colour)
    return red, green, blue, round(alpha * 255)


def lighthouse(drawing: Drawing, x: float, foot: float, height: float) -> None:
    """A striped tower with a lit lantern and its beams."""
    palette, low, high = drawing.palette, height * 0.11, height * 0.07
    white, red = towards(palette.cloud, palette.foam, 0.5), towards((0.72, 0.16, 0.12), palette.dark, 0.22)
    top = foot - height
    for side, alpha in ((1, 0.22), (-1, 0.16)):
        far = drawing.stage.width * side
        drawing.polygon(
            [(x, top - height * 0.05), (x + far, top - height * 0.28), (x + far, top + height * 0.12)], palette.lamp, alpha
        )
    for band in range(5):
        upper, lower = foot - height * (band + 1) / 5, foot - height * band / 5
        wide, narrow = low + (high - low) * band / 5, low + (high - low) * (band + 1) / 5
        colour = red if band % 2 else white
        drawing.polygon([(x - wide, lower), (x + wide, lower), (x + narrow, upper), (x - narrow, upper)], colour)
        drawing.polygon(
            [(x + wide * 0.25, lower), (x + wide, lower), (x + narrow, upper), (x + narrow * 0.25, upper)], palette.dark, 0.3
        )
    drawing.box(x - high * 1.5, top - height * 0.012, x + high * 1.5, top + height * 0.012, palette.dark)
    drawing.box(x - high * 0.8, top - height * 0.1, x + high * 0.8, top, palette.lamp)
    drawing.box(x - high * 0.1, top - height * 0.1, x + high * 0.1, top, palette.dark, 0.7)
    drawing.polygon([(x - high * 1.1, top - height * 0.1), (x + high * 1.1, top - height * 0.1), (x, top - height * 0.18)], red)
    drawing.spot(x, top - height * 0.05, height * 0.16, height * 0.12, palette.lamp, 0.3)
    drawing.box(x - low * 0.3, foot - height * 0.1, x + low * 0.1, foot, palette.dark)


def rocks(drawing: Drawing, x: float, foot: float, width: float, height: float) -> None:
    """Boulders in a heap, each with a lit and a shaded face, and spray where they meet the water."""
    stage, chance = drawing.stage, drawing.stage.chance
    toward = 1 if stage.light_x > x else -1
    for row in range(3):
        for place in np.linspace(-1, 1, 9):
            size = height * (0.55 + 0.25 * row) * (1.25 - 0.6 * abs(place)) * float(chance.uniform(0.7, 1.2))
            cx = x + (place + float(chance.uniform(-0.08, 0.08))) * width
            cy = foot - height * (0.75 - 0.4 * row) * (1 - place**2) + height * 0.28 * row
            tone = towards(drawing.palette.dark, drawing.palette.far, 0.18 + 0.3 * float(chance.random()))
            corners = [(cx + size * dx, cy + size * dy) for dx, dy in _BOULDER]
            drawing.polygon(corners, tone)
            drawing.polygon([(cx + toward * size * dx, cy + size * dy) for dx, dy in _LIT_FACE], shade(tone, 1.7), 0.9)
    if stage.scene.setting == "sea":
        for _ in range(26):
            sx = x + float(chance.uniform(-1.15, 1.15)) * width
            drawing.spot(
                sx, foot + height * float(chance.uniform(0.7, 1.15)), width * 0.09, height * 0.08, drawing.palette.foam, 0.55
            )


_BOULDER = ((-0.9, 0.5), (-0.75, -0.1), (-0.3, -0.5), (0.35, -0.45), (0.8, -0.05), (0.95, 0.5), (0.3, 0.75), (-0.4, 0.7))
_LIT_FACE = ((0.05, -0.4), (0.35, -0.42), (0.78, -0.05), (0.5, 0.2), (0.1, 0.05))


def house(drawing: Drawing, x: float, foot: float, size: float) -> None:
    """A cottage with a warm window and smoke."""
    palette, chance = drawing.palette, drawing.stage.chance
    wall, roof = towards(palette.cloud, palette.near, 0.25), towards((0.55, 0.25, 0.18), palette.dark, 0.3)
    drawing.box(x - size, foot - size * 0.9, x + size, foot, wall)
    drawing.polygon(
        [(x + size * 0.2, foot), (x + size, foot), (x + size, foot - size * 0.9), (x + size * 0.2, foot - size * 0.9)],
        palette.dark,
        0.28,
    )
    drawing.polygon(
        [
            (x - size * 1.2, foot - size * 0.85),
            (x + size * 1.2, foot - size * 0.85),
            (x + size * 0.7, foot - size * 1.7),
            (x - size * 0.7, foot - size * 1.7),
        ],
        roof,
    )
    drawing.box(x + size * 0.3, foot - size * 2.1, x + size * 0.55, foot - size * 1.5, shade(roof, 0.75))
    for across in (-0.55, 0.45):
        drawing.box(x + size * (across - 0.18), foot - size * 0.65, x + size * (across + 0.18), foot - size * 0.25, palette.lamp)
    for puff in range(5):
        drift = float(chance.uniform(0.1, 0.3)) * puff * size
        drawing.spot(
            x + size * 0.42 + drift,
            foot - size * (2.3 + 0.35 * puff),
            size * (0.16 + 0.07 * puff),
            size * (0.12 + 0.05 * puff),
            palette.cloud,
            0.3,
        )


def castle(drawing: Drawing, x: float, foot: float, size: float) -> None:
    """Towers of different height with pointed roofs."""
    palette = drawing.palette
    stone, roof = towards(palette.far, palette.cloud, 0.35), towards((0.3, 0.32, 0.5), palette.dark, 0.35)
    for across, wide, tall in ((-0.9, 0.28, 1.5), (0.95, 0.3, 1.3), (-0.35, 0.34, 2.2), (0.35, 0.4, 1.8), (0.0, 1.0, 0.9)):
        left, right, top = x + size * (across - wide), x + size * (across + wide), foot - size * tall
        drawing.box(left, top, right, foot, stone)
        drawing.box((left + right) / 2, top, right, foot, palette.dark, 0.3)
        if wide < 0.9:
            drawing.polygon([(left - size * 0.06, top), (right + size * 0.06, top), ((left + right) / 2, top - size * 0.7)], roof)
            drawing.box(
                (left + right) / 2 - size * 0.05,
                top + size * 0.25,
                (left + right) / 2 + size * 0.05,
                top + size * 0.45,
                palette.lamp,
            )


def boat(drawing: Drawing, x: float, line: float, size: float) -> None:
    """A small sailing boat on the water, with its reflection."""
    palette = drawing.palette
    sail, hull = towards(palette.cloud, palette.glow, 0.3), towards((0.4, 0.2, 0.14), palette.dark, 0.35)
    drawing.polygon(
        [
            (x - size, line - size * 0.25),
            (x + size * 1.1, line - size * 0.3),
            (x + size * 0.75, line + size * 0.1),
            (x - size * 0.75, line + size * 0.1),
        ],
        hull,
    )
    drawing.line([(x, line - size * 0.25), (x, line - size * 2.3)], palette.dark, size * 0.07)
    drawing.polygon(
        [(x + size * 0.07, line - size * 2.2), (x + size * 0.07, line - size * 0.42), (x + size, line - size * 0.45)], sail
    )
    drawing.polygon(
        [(x - size * 0.07, line - size * 1.9), (x - size * 0.07, line - size * 0.42), (x - size * 0.8, line - size * 0.42)],
        shade(sail, 0.85),
    )
    for row in range(5):
        down = line + size * (0.25 + 0.28 * row)
        drawing.box(
            x - size * (0.7 - 0.1 * row),
            down,
            x + size * (0.65 - 0.12 * row),
            down + size * 0.09,
            towards(sail, palette.water, 0.5),
            0.5,
        )


def pine(drawing: Drawing, x: float, foot: float, height: float, colour: Colour) -> None:
    """A conifer of ragged tiers."""
    chance = drawing.stage.chance
    drawing.box(x - height * 0.02, foot - height * 0.16, x + height * 0.02, foot, shade(drawing.palette.dark, 1.3))
    for tier in range(6):
        low, wide = foot - height * (0.1 + 0.14 * tier), height * (0.21 - 0.028 * tier) * float(chance.uniform(0.85, 1.15))
        top, sag = low - height * 0.25, height * 0.03
        drawing.polygon(
            [
                (x - wide, low + sag),
                (x - wide * 0.4, low),
                (x, low + sag),
                (x + wide * 0.5, low),
                (x + wide, low + sag),
                (x, top),
            ],
            colour,
        )
        drawing.polygon([(x + wide * 0.15, low), (x + wide, low + sag), (x, top)], shade(colour, 0.72), 0.8)


def leafy(drawing: Drawing, x: float, foot: float, height: float, colour: Colour) -> None:
    """A broad tree: trunk, branches, clumps of leaves from dark below to lit above."""
    chance, dark = drawing.stage.chance, towards(drawing.palette.dark, (0.3, 0.2, 0.14), 0.4)
    side = 1 if drawing.stage.light_x > x else -1
    lean = height * float(chance.uniform(-0.06, 0.06))
    drawing.polygon(
        [
            (x - height * 0.04, foot),
            (x + height * 0.04, foot),
            (x + lean + height * 0.015, foot - height * 0.6),
            (x + lean - height * 0.015, foot - height * 0.6),
        ],
        dark,
    )
    for across in (-0.2, -0.08, 0.12, 0.22):
        drawing.line(
            [(x + lean * 0.6, foot - height * 0.36), (x + lean + height * across, foot - height * 0.66)], dark, height * 0.018
        )
    spots = []
    for _ in range(44):
        angle, reach = float(chance.uniform(0, 6.283)), float(chance.random()) ** 0.55
        spots.append((np.cos(angle) * reach * 0.34, np.sin(angle) * reach * 0.3, float(chance.uniform(0.05, 0.095))))
    for across, down, size in sorted(spots, key=lambda spot: spot[1] * -1.0 + spot[2] * -3.0):
        lit = 0.78 - 1.05 * down + 0.5 * side * across + float(chance.uniform(-0.08, 0.08))
        tone = shade(colour, max(0.35, lit))
        drawing.spot(x + lean + across * height, foot - height * (0.68 - down), size * height, size * height * 0.72, tone, 0.92)


def birds(drawing: Drawing, count: int) -> None:
    """A loose flock of strokes in the sky."""
    stage, chance = drawing.stage, drawing.stage.chance
    x, y = stage.width * float(chance.uniform(0.2, 0.8)), stage.horizon * float(chance.uniform(0.2, 0.5))
    for _ in range(count):
        bx, by = x + float(chance.normal(0, stage.width * 0.09)), y + float(chance.normal(0, stage.height * 0.05))
        span = stage.width * float(chance.uniform(0.008, 0.018))
        drawing.line(
            [
                (bx - span, by - span * 0.5),
                (bx - span * 0.3, by - span * 0.55),
                (bx, by),
                (bx + span * 0.3, by - span * 0.55),
                (bx + span, by - span * 0.45),
            ],
            stage.palette.dark,
            span * 0.16,
            0.85,
        )


def figure(drawing: Drawing, x: float, foot: float, height: float) -> None:
    """A wanderer seen from behind, in a coat."""
    palette = drawing.palette
    coat = towards((0.5, 0.14, 0.12), palette.dark, 0.35)
    drawing.polygon(
        [(x - height * 0.1, foot), (x - height * 0.02, foot), (x, foot - height * 0.3), (x - height * 0.09, foot - height * 0.3)],
        palette.dark,
    )
    drawing.polygon(
        [(x + height * 0.02, foot), (x + height * 0.1, foot), (x + height * 0.09, foot - height * 0.3), (x, foot - height * 0.3)],
        palette.dark,
    )
    drawing.polygon(
        [
            (x - height * 0.17, foot - height * 0.2),
            (x + height * 0.17, foot - height * 0.2),
            (x + height * 0.1, foot - height * 0.8),
            (x - height * 0.1, foot - height * 0.8),
        ],
        coat,
    )
    drawing.polygon(
        [
            (x + height * 0.03, foot - height * 0.2),
            (x + height * 0.17, foot - height * 0.2),
            (x + height * 0.1, foot - height * 0.8),
        ],
        palette.dark,
        0.35,
    )
    drawing.spot(x, foot - height * 0.89, height * 0.07, height * 0.09, towards((0.35, 0.22, 0.15), palette.dark, 0.3))
