"""Puts a scene together: which layers, in which order, with which figures where."""

from __future__ import annotations

import numpy as np

from ..pixels import Pixels
from . import figures, motifs, portrait, scenery
from .brief import Brief
from .figures import Drawing
from .noise import blend, fractal, ridge, smooth
from .palette import Colour, array, palette_for
from .scenery import Stage
from .words import Scene, understand

HORIZONS = {
    "sea": 0.58,
    "mountains": 0.62,
    "forest": 0.55,
    "city": 0.72,
    "desert": 0.55,
    "sky": 0.88,
    "hills": 0.56,
    "portrait": 0.9,
    "still_life": 0.9,
}


def compose(brief: Brief, width: int, height: int, night: bool = False) -> Pixels:
    """The picture before any brush touches it, at the size given. `night` turns any light into night."""
    scene = understand(brief.text, brief.negative)
    if night and scene.light != "night":
        scene = Scene(scene.setting, "night", scene.subjects | {"stars", "moon"}, scene.tint, scene.surprise)
    stage = _stage(brief, scene, width, height)
    if scene.setting in ("portrait", "still_life"):
        return _indoors(stage)
    picture = _sky(stage)
    picture = LAND[scene.setting](stage, picture)
    picture = _figures(stage, picture)
    picture = _weather(stage, picture)
    return _vignette(stage, picture)


def _stage(brief: Brief, scene: Scene, width: int, height: int) -> Stage:
    chance = brief.random("layout")
    horizon = height * (HORIZONS[scene.setting] + float(chance.uniform(-0.07, 0.07)))
    side = float(chance.choice([-1, 1])) * float(chance.uniform(0.16, 0.34))
    low = scene.light in ("sunset", "dawn")
    light_y = horizon * (float(chance.uniform(0.72, 0.86)) if low else float(chance.uniform(0.2, 0.42)))
    palette = palette_for(scene, brief.random_by_words("palette"))
    return Stage(width, height, horizon, width * (0.5 + side), light_y, scene, palette, brief.random_by_words("details"))


def _sky(stage: Stage) -> Pixels:
    picture = scenery.sky(stage)
    light, subjects = stage.scene.light, stage.scene.subjects
    if light == "night" or "stars" in subjects:
        picture = scenery.stars(stage, picture)
    if light in ("night", "sunset", "dawn") or subjects & {"moon", "sun"}:
        size = 0.052 if light == "night" or "moon" in subjects else 0.06
        picture = scenery.light_disc(stage, picture, size * min(stage.width, stage.height))
    return scenery.clouds(stage, picture)


def _sea(stage: Stage, picture: Pixels) -> Pixels:
    far = Drawing(stage, picture)
    line = ridge(stage.chance, stage.width, 3, 0.45)
    top = stage.horizon - stage.height * 0.05 * np.clip(line + float(stage.chance.uniform(-0.3, 0.4)), 0, 1)
    columns = range(0, stage.width, 2)
    outline = [(float(x), float(top[x])) for x in columns]
    far.polygon([(0.0, stage.horizon + 1), *outline, (float(stage.width), stage.horizon + 1)], stage.palette.far, 0.8)
    return scenery.water(stage, far.picture())


def _mountains(stage: Stage, picture: Pixels) -> Pixels:
    picture = scenery.ridges(stage, picture, layers=3, height=0.36, roughness=0.47, base=stage.horizon / stage.height * 0.8)
    return motifs.wood(stage, picture, rows=2, near_only=True) if stage.chance.random() < 0.6 else picture


def _hills(stage: Stage, picture: Pixels) -> Pixels:
    picture = scenery.ridges(stage, picture, layers=4, height=0.11, roughness=0.36, base=stage.horizon / stage.height)
    picture = _grass(stage, picture)
    if stage.chance.random() < 0.75 or "trees" in stage.scene.subjects:
        drawing = Drawing(stage, picture)
        for _ in range(int(stage.chance.integers(2, 6))):
            near = float(stage.chance.random())
            x = stage.width * float(stage.chance.uniform(0.03, 0.97))
            tone = figures.towards(stage.palette.leaf, stage.palette.leaf_shade, 0.4 + 0.3 * near)
            figures.leafy(drawing, x, stage.height * (0.7 + 0.22 * near), stage.height * (0.12 + 0.26 * near), tone)
        picture = drawing.picture()
    return picture


def _grass(stage: Stage, picture: Pixels) -> Pixels:
    """Blades and patches on what lies nearest."""
    patches = fractal(stage.chance, stage.height, stage.width, 16, 4, stretch=2.2)
    near = smooth(0.66, 1.0, stage.rows() / stage.height)
    picture = blend(picture, array(stage.palette.leaf_shade), smooth(0.5, 0.7, patches) * near * 0.7)
    return blend(picture, array(stage.palette.leaf), smooth(0.52, 0.3, patches) * near * 0.6)


def _forest(stage: Stage, picture: Pixels) -> Pixels:
    picture = scenery.ridges(stage, picture, layers=2, height=0.08, roughness=0.4, base=stage.horizon / stage.height)
    picture = _grass(stage, picture)
    return motifs.wood(stage, picture, rows=4)


def _desert(stage: Stage, picture: Pixels) -> Pixels:
    return scenery.ridges(stage, picture, layers=4, height=0.1, roughness=0.3, base=stage.horizon / stage.height)


def _open_sky(stage: Stage, picture: Pixels) -> Pixels:
    return scenery.ridges(stage, picture, layers=2, height=0.05, roughness=0.36, base=stage.horizon / stage.height)


LAND = {
    "sky": _open_sky,
    "sea": _sea,
    "mountains": _mountains,
    "hills": _hills,
    "forest": _forest,
    "desert": _desert,
    "city": motifs.town,
}


def _figures(stage: Stage, picture: Pixels) -> Pixels:
    """What the prompt names, placed on thirds so that things do not stand on each other."""
    subjects, chance, width, height = stage.scene.subjects, stage.chance, stage.width, stage.height
    accent = _accent(stage)
    if "flowers" in subjects and stage.scene.setting in ("hills", "mountains", "forest"):
        picture = motifs.blossoms(stage, picture, accent)
    drawing = Drawing(stage, picture)
    away = 0.31 if stage.light_x > width / 2 else 0.69
    main, other = width * (away + float(chance.uniform(-0.04, 0.04))), width * (1 - away + float(chance.uniform(-0.05, 0.05)))
    size, on_sea = min(width, height), stage.scene.setting == "sea"
    foot = stage.horizon + height * 0.06 if on_sea else height * 0.8
    if "lighthouse" in subjects:
        figures.lighthouse(drawing, main, foot, size * 0.46)
    if "rocks" in subjects or (on_sea and subjects & {"lighthouse", "castle", "house"}):
        figures.rocks(drawing, main, foot + height * 0.02, size * 0.24, size * 0.09)
    if "castle" in subjects:
        figures.castle(drawing, other if "lighthouse" in subjects else main, foot, size * 0.15)
    if "house" in subjects:
        figures.house(
            drawing, other if subjects & {"lighthouse", "castle"} else main, foot + (0 if on_sea else height * 0.02), size * 0.09
        )
    if "boat" in subjects and on_sea:
        figures.boat(drawing, other, stage.horizon + height * float(chance.uniform(0.1, 0.2)), size * 0.09)
    if "figure" in subjects:
        if on_sea:
            figures.rocks(drawing, width * 0.5 + (other - width * 0.5) * 0.35, height * 0.97, size * 0.3, size * 0.1)
        figures.figure(drawing, width * 0.5 + (other - width * 0.5) * 0.35, height * 0.94, size * 0.26)
    if "birds" in subjects or (stage.scene.light in ("day", "dawn", "sunset") and chance.random() < 0.35):
        figures.birds(drawing, 9)
    if "lightning" in subjects:
        _lightning(drawing)
    return drawing.picture()


def _lightning(drawing: Drawing) -> None:
    stage = drawing.stage
    x, y = stage.width * float(stage.chance.uniform(0.3, 0.7)), 0.0
    points = [(x, y)]
    while y < stage.horizon:
        x, y = x + stage.width * float(stage.chance.normal(0, 0.025)), y + stage.horizon * float(stage.chance.uniform(0.05, 0.12))
        points.append((x, y))
    for wide, alpha in ((stage.width * 0.02, 0.12), (stage.width * 0.008, 0.4), (stage.width * 0.003, 1.0)):
        drawing.line(points, (0.95, 0.94, 1.0), wide, alpha)


def _weather(stage: Stage, picture: Pixels) -> Pixels:
    if stage.scene.light == "fog":
        picture = scenery.haze(stage, picture)
    drawing = Drawing(stage, picture)
    if "rain" in stage.scene.subjects:
        for _ in range(stage.width):
            x, y = float(stage.chance.uniform(0, stage.width * 1.1)), float(stage.chance.uniform(-20, stage.height))
            long = stage.height * float(stage.chance.uniform(0.02, 0.05))
            drawing.line([(x, y), (x - long * 0.28, y + long)], stage.palette.foam, 0.5, 0.28)
    if "snow" in stage.scene.subjects:
        for _ in range(stage.width // 2):
            size = stage.height * float(stage.chance.uniform(0.0012, 0.004))
            drawing.spot(
                float(stage.chance.uniform(0, stage.width)),
                float(stage.chance.uniform(0, stage.height)),
                size,
                size,
                (0.97, 0.98, 1.0),
                0.85,
            )
    return drawing.picture()


def _indoors(stage: Stage) -> Pixels:
    """A plain wall with light from one side, and head or flowers before it."""
    wall = array(figures.towards(figures.towards(stage.palette.far, stage.palette.leaf_shade, 0.35), stage.palette.dark, 0.3))
    cloudy = fractal(stage.chance, stage.height, stage.width, 4, 4)
    near_light = np.exp(-np.hypot(stage.columns() - stage.light_x, stage.rows() - stage.height * 0.3) / (0.55 * stage.width))
    picture = np.broadcast_to(wall, (stage.height, stage.width, 3)) * (0.65 + 0.5 * cloudy[..., None])
    picture = blend(np.asarray(picture, np.float32), array(stage.palette.horizon), near_light * 0.6)
    motif = portrait.head if stage.scene.setting == "portrait" else motifs.bouquet
    return _vignette(stage, motif(stage, picture, _accent(stage)))


def _accent(stage: Stage) -> Colour:
    if stage.scene.tint:
        return stage.scene.tint
    choices = ((0.78, 0.2, 0.18), (0.85, 0.5, 0.2), (0.5, 0.3, 0.62), (0.2, 0.4, 0.62), (0.85, 0.45, 0.55))
    return choices[int(stage.scene.surprise * 4.99)]


def _vignette(stage: Stage, picture: Pixels) -> Pixels:
    across, down = stage.columns() / stage.width - 0.5, stage.rows() / stage.height - 0.5
    return np.clip(blend(picture, array(stage.palette.dark), smooth(0.42, 0.8, np.hypot(across, down)) * 0.45), 0, 1)
