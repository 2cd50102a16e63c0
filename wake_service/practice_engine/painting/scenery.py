"""Backdrops: sky and clouds, water, ridges of hills and mountains. Each takes a picture and returns it with one layer more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..pixels import Pixels
from .noise import blend, fractal, ridge, shifted, smooth
from .palette import Palette, array
from .words import Scene


@dataclass(frozen=True, slots=True)
class Stage:
    """The sheet a scene is composed on: size in pixels, horizon as a row, and where the light comes from (x, y in pixels)."""

    width: int
    height: int
    horizon: float
    light_x: float
    light_y: float
    scene: Scene
    palette: Palette
    chance: np.random.Generator

    def rows(self) -> Pixels:
        """Row numbers as a column."""
        return np.arange(self.height, dtype=np.float32)[:, None]

    def columns(self) -> Pixels:
        """Column numbers as a row."""
        return np.arange(self.width, dtype=np.float32)[None, :]


def sky(stage: Stage) -> Pixels:
    """A gradient from zenith to horizon with the glow of sun or moon in it."""
    palette = stage.palette
    wobble = (fractal(stage.chance, stage.height, stage.width, 3, 3) - 0.5) * 0.22
    down = stage.rows() / max(stage.horizon, 1.0) + wobble
    base = blend(array(palette.zenith)[None, None], array(palette.sky), smooth(0.0, 0.62, down))
    base = blend(base, array(palette.horizon), smooth(0.5, 1.04, down))
    distance = np.hypot(stage.columns() - stage.light_x, (stage.rows() - stage.light_y) * 1.15) / max(stage.width, stage.height)
    strength = {"storm": 0.35, "fog": 0.45, "night": 0.5}.get(stage.scene.light, 0.85)
    return blend(base, array(palette.glow), np.exp(-distance * 7.0) * strength)


def clouds(stage: Stage, picture: Pixels) -> Pixels:
    """Banks of cloud, lit from the light's side, flatter towards the horizon."""
    cover = {"storm": 0.22, "fog": 0.3, "day": 0.5, "sunset": 0.42, "dawn": 0.46, "night": 0.5}[stage.scene.light]
    cover += float(stage.chance.uniform(-0.05, 0.07))
    shape = fractal(stage.chance, stage.height, stage.width, 5, 5, stretch=2.2)
    puffs = fractal(stage.chance, stage.height, stage.width, 14, 3, stretch=1.4)
    body = shape * 0.8 + puffs * 0.2
    shift = max(1, stage.height // 40) * (1 if stage.light_x > stage.width / 2 else -1)
    lit = np.clip((body - shifted(body, -abs(shift), shift)) * 4.5 + 0.5, 0, 1)
    above = 1 - smooth(stage.horizon * 0.86, stage.horizon * 1.02, stage.rows())
    colour = blend(np.broadcast_to(array(stage.palette.cloud_shade), picture.shape), array(stage.palette.cloud), lit)
    return blend(picture, colour, smooth(cover, cover + 0.24, body) * above * 0.92)


def light_disc(stage: Stage, picture: Pixels, radius: float) -> Pixels:
    """Sun or moon with a halo."""
    distance = np.hypot(stage.columns() - stage.light_x, stage.rows() - stage.light_y) / radius
    glowing = blend(picture, array(stage.palette.glow), np.exp(-np.maximum(distance - 1, 0) * 1.6) * 0.45)
    return blend(glowing, np.minimum(array(stage.palette.glow) * 1.08, 1), 1 - smooth(0.9, 1.08, distance))


def stars(stage: Stage, picture: Pixels) -> Pixels:
    """Points of light above the horizon."""
    count = max(40, stage.width * stage.height // 2200)
    rows = (stage.chance.random(count) ** 1.3 * stage.horizon * 0.92).astype(np.intp).clip(0, stage.height - 2)
    columns = (stage.chance.random(count) * (stage.width - 1)).astype(np.intp)
    shine = stage.chance.uniform(0.35, 1.0, count).astype(np.float32)[:, None]
    starry = np.array(picture)
    for down, right, part in ((0, 0, 1.0), (1, 0, 0.6), (0, 1, 0.6), (1, 1, 0.4)):
        place = (rows + down, np.minimum(columns + right, stage.width - 1))
        starry[place] += (array((1.0, 0.97, 0.86)) - starry[place]) * shine * np.float32(part)
    return starry


def water(stage: Stage, picture: Pixels) -> Pixels:
    """Everything below the horizon becomes water: the sky upside down, broken by waves that grow towards the viewer."""
    first = min(stage.height - 2, max(1, int(stage.horizon)))
    depth = stage.height - first
    below = np.arange(depth, dtype=np.float32)[:, None] / depth
    rough = {"storm": 1.0, "day": 0.5, "night": 0.42, "sunset": 0.4, "dawn": 0.3, "fog": 0.28}[stage.scene.light]
    swell = _swell(stage, depth)
    mirrored = np.clip(first - 1 - (below * depth * 0.85 + swell * depth * 0.2 * rough).astype(np.intp), 0, first - 1)
    sideways = np.clip(stage.columns() + swell * stage.width * 0.02, 0, stage.width - 1).astype(np.intp)
    reflection = picture[mirrored, sideways]
    deep = blend(reflection, array(stage.palette.water), 0.38 + 0.42 * smooth(0.0, 1.0, below))
    slope = np.clip((swell - shifted(swell, 1, 0)) * 6.0, -1, 1)
    lit = blend(deep, array(stage.palette.horizon), np.clip(slope, 0, 1) * 0.42)
    lit = blend(lit, array(stage.palette.dark), np.clip(-slope, 0, 1) * 0.45)
    crest = 1 - np.abs(swell * 2 - 1.06) * 7
    lit = blend(lit, array(stage.palette.foam), np.clip(crest, 0, 1) * smooth(0.0, 0.35, below) * rough * 0.85)
    path = np.exp(-(((stage.columns() - stage.light_x) / (stage.width * (0.03 + 0.12 * below))) ** 2))
    lit = blend(lit, array(stage.palette.glow), path * smooth(0.45, 0.75, swell) * 0.75)
    return np.concatenate([picture[:first], lit])


def _swell(stage: Stage, depth: int) -> Pixels:
    """Waves seen in perspective: the rows of a flat pattern crowd towards the horizon."""
    pattern = fractal(stage.chance, 320, stage.width, 7, 5, stretch=6.0)
    far = np.linspace(0, 1, depth, dtype=np.float32)
    rows = ((1 - 1 / (1 + far * 1.8)) * 1.55 * 319).clip(0, 319).astype(np.intp)
    return np.asarray(pattern[rows], np.float32)


def ridges(stage: Stage, picture: Pixels, layers: int, height: float, roughness: float, base: float) -> Pixels:
    """Hills or mountains behind each other, paler with distance. `height` and `base` are fractions of the sheet's height."""
    for layer in range(layers):
        near = (layer + 1) / layers
        line = ridge(stage.chance, stage.width, 2.0 + 2.5 * (1 - near) + stage.chance.uniform(0, 1.5), roughness)
        top = stage.height * (base + (1 - base) * 0.62 * near**1.6) - stage.height * height * (1.15 - 0.55 * near) * (
            0.35 + 0.65 * line
        )
        inside = smooth(-0.9, 0.9, stage.rows() - top[None, :])
        colour = _ground(stage, near, roughness, top)
        picture = blend(picture, colour, inside)
    return picture


def _ground(stage: Stage, near: float, roughness: float, top: Pixels) -> Pixels:
    """The surface of one ridge: light on one side, haze at its foot, snow on high rough ones."""
    palette = stage.palette
    body = blend(array(palette.far)[None, None], array(palette.near), near**1.2)
    rocky = roughness > 0.45
    relief = fractal(stage.chance, stage.height, stage.width, 7 + 8 * near if rocky else 4, 5, stretch=0.8 if rocky else 3.0)
    side = 1 if stage.light_x > stage.width / 2 else -1
    slope = np.clip((relief - shifted(relief, 0, -3 * side)) * (7 if rocky else 5) + 0.5, 0, 1)
    body = blend(
        np.broadcast_to(body, (stage.height, stage.width, 3)), array(palette.dark), (1 - slope) * 0.42 * (0.35 + 0.65 * near)
    )
    body = blend(body, array(palette.glow), slope * 0.22)
    below = (stage.rows() - top[None, :]) / stage.height
    if rocky and near < 0.9:
        snow = smooth(0.16, 0.02, below + (relief - 0.5) * 0.16) * smooth(0.3, 0.75, slope + 0.2)
        body = blend(body, array(palette.cloud), np.clip(snow, 0, 1) * 0.85)
    return blend(body, array(palette.horizon), smooth(0.05, 0.42, below) * (1 - near) * 0.7)


def haze(stage: Stage, picture: Pixels) -> Pixels:
    """Mist that lies about the horizon and hides what is far."""
    drift = fractal(stage.chance, stage.height, stage.width, 4, 4, stretch=2.5)
    band = np.exp(-(((stage.rows() - stage.horizon) / (stage.height * 0.22)) ** 2))
    return blend(picture, array(stage.palette.horizon), np.clip(band * (0.35 + drift * 0.6), 0, 0.88))
