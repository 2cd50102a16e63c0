"""Colours of a scene, by light, bent by season, colour words and chance."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, fields, replace

import numpy as np

from ..pixels import Pixels
from .words import Scene

Colour = tuple[float, float, float]


def _rgb(text: str) -> Colour:
    return int(text[:2], 16) / 255, int(text[2:4], 16) / 255, int(text[4:], 16) / 255


@dataclass(frozen=True, slots=True)
class Palette:
    """One colour per role; `glow` is sun or moon light, `lamp` a window's or lantern's."""

    zenith: Colour
    sky: Colour
    horizon: Colour
    cloud: Colour
    cloud_shade: Colour
    far: Colour
    near: Colour
    leaf: Colour
    leaf_shade: Colour
    water: Colour
    foam: Colour
    glow: Colour
    lamp: Colour
    dark: Colour


def _palette(colours: str) -> Palette:
    return Palette(*(_rgb(each) for each in colours.split()))


LIGHTS = {
    #                zenith sky    horizo cloud  shade  far    near   leaf   shade  water  foam   glow   lamp   dark
    "day": _palette("3f7fb8 86b9d8 e8eede fbf7ec b3c2cf 8fa9b5 7d9a4e 8ba94a 41602f 2f6d8a f4f6ee fff4cf ffdf94 28313a"),
    "dawn": _palette("7393b8 c9b6c6 fbdcc0 fde8d8 b9a2b4 a7a0b6 97a06c a3a866 5c6a4e 6b8fa3 fbeee0 ffd9a8 ffd08a 3b3a4a"),
    "sunset": _palette("33416f a4637a f6a55c fbc48a 6f4a66 775a75 6a5040 80683a 3c3230 4a4f70 fbd3a0 ffc15e ffca6a 231d2b"),
    "storm": _palette("2b343f 53616b a9b0a6 9aa4a6 333c47 56636b 4d5745 55603f 2c342b 2c4750 dfe6e0 d8dccb ffd67e 171c22"),
    "night": _palette("0d1733 1f335e 4f6a8f 5c7398 1b2747 26375a 1c2b3a 24394a 101b28 14294a a9bfd9 eef2d6 ffcf6b 070c18"),
    "fog": _palette("a9b6bf c3ccd0 dfe2de e9eae6 b5bfc5 aab4b9 8a9389 8f9a86 5f6b66 8499a3 eef1ef f7f3e3 ffe2a2 454f57"),
}


def palette_for(scene: Scene, chance: np.random.Generator) -> Palette:
    """The light's palette with the scene's own bends; the same scene and chance give the same colours."""
    palette = LIGHTS[scene.light]
    turn = (scene.surprise - 0.5) * 0.06 + float(chance.normal(0, 0.008))
    palette = _each(palette, lambda colour: _turned(colour, turn, 1.0 + float(scene.surprise) * 0.12))
    if "snow" in scene.subjects:
        palette = replace(
            palette, near=_mix(palette.near, (0.9, 0.93, 0.96), 0.85), leaf=_mix(palette.leaf, (0.82, 0.87, 0.9), 0.6)
        )
    if scene.setting == "desert":
        palette = replace(
            palette, near=_mix(palette.near, (0.85, 0.6, 0.34), 0.75), far=_mix(palette.far, (0.76, 0.55, 0.44), 0.55)
        )
    if scene.tint and scene.setting not in ("portrait", "still_life"):
        tint = scene.tint
        palette = _each(palette, lambda colour: _tinted(colour, tint))
    return palette


def array(colour: Colour) -> Pixels:
    """A colour as an array of three."""
    return np.asarray(colour, np.float32)


def _each(palette: Palette, change: object) -> Palette:
    assert callable(change)
    return Palette(*(change(getattr(palette, field.name)) for field in fields(palette)))


def _mix(first: Colour, second: Colour, part: float) -> Colour:
    a, b = first, second
    return a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, a[2] + (b[2] - a[2]) * part


def _turned(colour: Colour, turn: float, saturation: float) -> Colour:
    hue, light, strength = colorsys.rgb_to_hls(*colour)
    return colorsys.hls_to_rgb((hue + turn) % 1, light, min(1.0, strength * saturation))


def _tinted(colour: Colour, tint: Colour) -> Colour:
    """Pulled towards a colour that a word named, keeping light and dark."""
    hue, light, strength = colorsys.rgb_to_hls(*_mix(colour, tint, 0.55))
    own = colorsys.rgb_to_hls(*colour)[1]
    return colorsys.hls_to_rgb(hue, own * 0.8 + light * 0.2, strength)
