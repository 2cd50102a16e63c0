"""Paints the sample of the guided tour: a seaside evening whose headland waits for a lighthouse.

    python -m wake_service.demo.paint_sample

writes sample/painting.png and sample/mask.png beside this file. A smooth scene is laid out first, then painted over with
brush strokes from wide to fine, each in the colour of the scene below it. The same seed paints the same picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Field = npt.NDArray[np.float64]
Colour = tuple[float, float, float]

WIDTH, HEIGHT, HORIZON = 1024, 768, 418
SUN = (236.0, 372.0)
SEED = 20
#: Strokes are drawn this much larger and scaled down, which smooths their edges.
SCALE = 2
#: Brush width in pixels, and how far the canvas may be from the scene before such a stroke is set.
BRUSHES = ((40, 0.0), (22, 10.0), (12, 13.0), (6, 19.0))
GROUND: Colour = (205, 186, 156)
PENCIL = (84, 76, 72)

HEADLAND = [(520, 452), (560, 424), (612, 404), (664, 386), (716, 372), (800, 362), (880, 344), (950, 322), (1024, 300)]
BEACH = [(0, 640), (90, 618), (200, 636), (330, 668), (470, 690), (640, 720), (800, 742), (1024, 752)]
BARE = [(700, 404), (688, 300), (700, 190), (728, 120), (770, 104), (812, 122), (838, 190), (846, 300), (838, 400), (780, 422)]


def main() -> None:
    """Paints and saves both files."""
    folder = Path(__file__).parent / "sample"
    folder.mkdir(exist_ok=True)
    mask(grow=14, soft=7.0).save(folder / "mask.png", optimize=True)
    painting = sketch_lighthouse(paint(scene()))
    # 256 well-chosen colours are plenty for a gouache, and keep the file small.
    painting.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(folder / "painting.png", optimize=True)


def mask(*, grow: int, soft: float) -> Image.Image:
    """The spot to paint in white on black, `grow` pixels larger than the bare canvas and with an edge of `soft` pixels."""
    image = Image.new("L", (WIDTH, HEIGHT), 0)
    draw = ImageDraw.Draw(image)
    draw.polygon(BARE, fill=255)
    draw.line([*BARE, BARE[0]], fill=255, width=2 * grow, joint="curve")
    return image.filter(ImageFilter.GaussianBlur(soft))


# The scene: smooth colours that the brush follows.


def scene() -> Field:
    """The smooth picture, (height, width, 3), 0 to 255."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    picture = np.where((y < HORIZON)[..., None], sky(x, y), sea(x, y))
    for outline, colours in ((HEADLAND, headland(x, y)), (BEACH, beach(x, y))):
        inside = area_below(outline)[..., None]
        picture = picture * (1 - inside) + colours * inside
    return np.clip(picture, 0, 255)


def blend(amount: Field, *stops: Colour) -> Field:
    """Colours along evenly spaced stops, `amount` from 0 to 1."""
    places = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(amount, places, [stop[channel] for stop in stops]) for channel in range(3)], axis=-1)


def sky(x: Field, y: Field) -> Field:
    """Dusk blue above, apricot at the horizon, banks of cloud lit from below."""
    colours = blend(y / HORIZON, (92, 124, 166), (133, 163, 190), (196, 200, 196), (242, 208, 160), (250, 190, 128))
    distance = np.hypot(x - SUN[0], (y - SUN[1]) * 1.5)
    colours = mix(colours, (255, 236, 178), np.exp(-((distance / 150) ** 2)) * 0.9)
    colours = mix(colours, (255, 250, 226), distance < 27)
    banks = clouds(1) * np.clip(1.1 - abs(y - 190) / 190, 0, 1)
    lit = np.clip(banks - np.roll(banks, -22, axis=0), 0, 1)
    colours = mix(colours, (214, 196, 196), np.clip(banks * 1.3, 0, 0.85))
    return mix(colours, (252, 226, 190), np.clip(lit * 2.4, 0, 0.9))


def clouds(seed: int) -> Field:
    """Soft lying shapes from 0 to 1: noise of three sizes, stretched sideways."""
    random = np.random.default_rng(seed)
    total = np.zeros((HEIGHT, WIDTH))
    for columns, rows, weight in ((5, 9, 0.55), (11, 20, 0.3), (26, 48, 0.15)):
        small = Image.fromarray((random.random((rows, columns)) * 255).astype(np.uint8))
        total += weight * np.asarray(small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), dtype=np.float64) / 255
    return np.clip((total - 0.5) * 3.2, 0, 1)


def sea(x: Field, y: Field) -> Field:
    """Pale at the horizon, deep green near the beach, the sun's path on the waves."""
    depth = np.clip((y - HORIZON) / (HEIGHT - HORIZON), 0, 1)
    colours = blend(depth, (186, 178, 160), (104, 142, 152), (58, 110, 124), (40, 88, 100), (66, 118, 116))
    wave = np.sin(y * (0.9 - 0.72 * depth) + 2.6 * np.sin(x / (26 + 90 * depth)) + x / 170)
    colours = mix(colours, (150, 186, 184), np.clip(wave - 0.45, 0, 1) * 0.55)
    width = 22 + 130 * depth
    path = np.exp(-(((x - SUN[0] - 26 * depth * np.sin(y / 19)) / width) ** 2)) * np.clip(wave + 0.55, 0, 1)
    colours = mix(colours, (255, 222, 158), path * (0.95 - 0.55 * depth))
    foam = np.clip(1 - abs(y - line_of(BEACH, x) + 22 + 8 * np.sin(x / 37)) / 11, 0, 1)
    return mix(colours, (244, 240, 226), foam * 0.9)


def headland(x: Field, y: Field) -> Field:
    """Grass on top, cliffs of warm rock below, dark where they meet the water."""
    below = y - line_of(HEADLAND, x)
    cracks = np.sin(x / 9 + 2.2 * np.sin(y / 31)) * np.sin(x / 23 + y / 60)
    rock = blend(np.clip(below / 190, 0, 1), (176, 138, 102), (150, 112, 88), (104, 84, 80), (62, 66, 76))
    rock = mix(rock, (222, 182, 134), np.clip(cracks - 0.3, 0, 1) * 0.7)
    rock = mix(rock, (66, 56, 60), np.clip(-cracks - 0.35, 0, 1) * 0.8)
    grass = blend(np.clip(below / 44, 0, 1), (166, 168, 92), (110, 136, 74), (78, 104, 68))
    edge = np.clip((below - 34 - 9 * np.sin(x / 21) - 5 * np.sin(x / 7)) / 8, 0, 1)[..., None]
    return np.asarray(grass * (1 - edge) + rock * edge)


def beach(x: Field, y: Field) -> Field:
    """Wet sand at the water, dry sand below, a few stones."""
    below = y - line_of(BEACH, x)
    colours = blend(np.clip(below / 110, 0, 1), (150, 132, 112), (206, 178, 138), (226, 198, 156))
    for left, top, size in ((70, 690, 30), (124, 706, 17), (300, 724, 13), (36, 728, 15), (560, 746, 12)):
        stone = np.hypot((x - left) / 1.6, y - top - 3 * np.sin(x / 9)) < size
        shades = blend(np.clip((y - top + size) / (2 * size), 0, 1), (206, 182, 156), (134, 120, 116), (80, 76, 82))
        colours = np.where(stone[..., None], shades, colours)
    return colours


def mix(colours: Field, colour: Colour, amount: npt.NDArray[np.float64] | npt.NDArray[np.bool_]) -> Field:
    """`colours` with `colour` laid over them, `amount` from 0 to 1 for each pixel."""
    share = np.asarray(amount, dtype=np.float64)[..., None]
    return colours * (1 - share) + np.asarray(colour) * share


def line_of(outline: list[tuple[int, int]], x: Field) -> Field:
    """How far down an outline lies at each `x`."""
    points = np.asarray(outline, dtype=np.float64)
    return np.asarray(np.interp(x, points[:, 0], points[:, 1]))


def area_below(outline: list[tuple[int, int]]) -> Field:
    """1 under a line of hills that ends in the sea or at the picture's edge, else 0."""
    image = Image.new("L", (WIDTH, HEIGHT), 0)
    floor = HEIGHT if outline is BEACH else 560
    foot = (
        [(WIDTH, HEIGHT), (0, HEIGHT)]
        if outline is BEACH
        else [(WIDTH, floor + 60), (840, floor + 14), (660, floor - 34), (540, 470)]
    )
    ImageDraw.Draw(image).polygon([*outline, *foot], fill=255)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(1)), dtype=np.float64) / 255


# The brush.


def paint(target: Field) -> Image.Image:
    """Strokes from wide to fine over toned canvas, none where the canvas is to stay bare."""
    random = np.random.default_rng(SEED)
    bare = np.asarray(mask(grow=0, soft=1.0)) > 128
    core = np.asarray(mask(grow=0, soft=16.0)) > 190
    canvas = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), tuple(int(value) for value in GROUND))
    angles = directions(target)
    for brush, tolerance in BRUSHES:
        now = np.asarray(canvas.resize((WIDTH, HEIGHT), Image.Resampling.BOX), dtype=np.float64)
        soft = blurred(target, brush / 3)
        missing = np.abs(blurred(now, brush / 3) - soft).sum(axis=-1)
        draw = ImageDraw.Draw(canvas)
        for x, y in grid(random, max(3, int(brush * 0.55))):
            if missing[y, x] >= tolerance and not bare[y, x]:
                # Now and then a stroke runs over the edge, as it does by hand.
                stroke(draw, random, core if random.random() < 0.25 else bare, soft[y, x], (x, y), angles[y, x], brush)
    return weave(canvas.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))


def directions(target: Field) -> Field:
    """The angle of the brush at each pixel: along edges of the scene, lying down where it is plain."""
    rows, columns = np.gradient(blurred(target, 5).mean(axis=-1))
    along = np.arctan2(columns, -rows)
    strength = np.clip(np.hypot(rows, columns) / 3, 0, 1)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    lying = 0.22 * np.sin(x / 120 + y / 70)
    upright = area_below(HEADLAND) * (y > line_of(HEADLAND, x) + 40) * (y < 640)
    plain = np.where(upright > 0.5, math.pi / 2 - 0.25, lying)
    return np.where(strength > 0.55, along, plain)


def grid(random: np.random.Generator, step: int) -> Iterator[tuple[int, int]]:
    """Jittered points about `step` pixels apart, in random order."""
    y, x = np.mgrid[0:HEIGHT:step, 0:WIDTH:step]
    points = np.stack([x.ravel(), y.ravel()], axis=-1) + random.integers(0, step, (x.size, 2))
    random.shuffle(points)
    yield from ((int(x), int(y)) for x, y in points if x < WIDTH and y < HEIGHT)


def stroke(
    draw: ImageDraw.ImageDraw,
    random: np.random.Generator,
    bare: npt.NDArray[np.bool_],
    colour: Field,
    start: tuple[int, int],
    angle: float,
    brush: int,
) -> None:
    """One stroke: a bent line of a few bristles, each a shade of its own."""
    base = colour + random.normal(0, 5.0, 3) + random.normal(0, 6.0)
    bend = random.normal(0, 0.16)
    angle += random.normal(0, 0.2)
    length = brush * random.uniform(1.3, 2.6)
    spine = []
    for step in np.linspace(-0.5, 0.5, 5):
        heading = angle + bend * step
        spine.append((start[0] + math.cos(heading) * length * step, start[1] + math.sin(heading) * length * step))
    if any(bare[min(max(int(y), 0), HEIGHT - 1), min(max(int(x), 0), WIDTH - 1)] for x, y in spine):
        return
    bristles = max(2, brush // 5)
    for number in range(bristles):
        offset = (number / (bristles - 1) - 0.5) * brush * 0.8
        across = (-math.sin(angle) * offset, math.cos(angle) * offset)
        shade = base + random.normal(0, 7.0)
        line = [((x + across[0]) * SCALE, (y + across[1]) * SCALE) for x, y in spine]
        width = max(2, int(brush * SCALE / bristles * random.uniform(0.9, 1.6)))
        draw.line(line, fill=as_colour(shade), width=width, joint="curve")


def as_colour(values: Field) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in np.clip(values, 0, 255))
    return red, green, blue


def blurred(picture: Field, radius: float) -> Field:
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(image, dtype=np.float64)


def weave(image: Image.Image) -> Image.Image:
    """The threads of the canvas, faintly."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    threads = 2.6 * np.sin(x * math.pi / 2) * np.sin(y * math.pi / 2)
    return Image.fromarray(np.clip(np.asarray(image, dtype=np.float64) + threads[..., None], 0, 255).astype(np.uint8))


# The pencil.


def sketch_lighthouse(painting: Image.Image) -> Image.Image:
    """A few pencil lines on the bare canvas: where the lighthouse is meant to stand."""
    random = np.random.default_rng(SEED)
    draw = ImageDraw.Draw(painting)
    lines = [
        [(738, 388), (748, 206)], [(798, 388), (788, 206)], [(734, 388), (802, 389)], [(738, 206), (799, 205)],
        [(750, 205), (751, 168)], [(786, 205), (785, 168)], [(744, 168), (792, 168)], [(746, 167), (768, 138)],
        [(768, 138), (790, 167)], [(768, 138), (768, 122)], [(741, 334), (796, 330)], [(744, 282), (793, 279)],
    ]  # fmt: skip
    for line in lines:
        for _ in range(2):
            draw.line(list(wobbly(random, *line)), fill=PENCIL, width=1)
    for height in range(214, 384, 11):
        draw.line(list(wobbly(random, (779, height), (788 + (height - 206) // 20, height - 9))), fill=PENCIL, width=1)
    return painting


def wobbly(random: np.random.Generator, start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[float, float]]:
    """A line as a hand draws it."""
    for part in np.linspace(-0.02, 1.02, 9):
        x, y = (start[axis] + (end[axis] - start[axis]) * part for axis in (0, 1))
        yield x + random.normal(0, 0.7), y + random.normal(0, 0.7)


if __name__ == "__main__":
    main()
