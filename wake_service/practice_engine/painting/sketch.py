"""From a brief to a finished picture, new or over another one."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..pixels import Pixels, from_image, to_image
from .brief import Brief
from .brush import paint
from .composition import compose
from .looks import Look
from .noise import blend, fractal, smooth

COMPOSING_SIDE = 512
"""Longest side of a composition; strokes are laid at the picture's own size."""


def sketch(brief: Brief, width: int, height: int) -> Pixels:
    """A new picture. The same brief and size give the same picture, byte for byte."""
    look = Look.of(brief)
    composition = look.prepared(_composed(brief, look, width, height))
    return _painted(brief, look, composition, width, height)


def repaint(brief: Brief, before: Pixels, strength: float) -> Pixels:
    """Another picture painted over: with little strength its own forms in new strokes, with more the brief's forms take over.

    `strength` above 0 and below 1; towards 0 the picture is left as it is.
    """
    height, width = before.shape[:2]
    look = Look.of(brief)
    composition = _composed(brief, look, width, height)
    own = from_image(to_image(before).resize((composition.shape[1], composition.shape[0]), Image.Resampling.BOX))
    towards_new = _taken_over(brief, composition, strength)
    toned = own + (composition.mean((0, 1)) - own.mean((0, 1))) * np.float32(0.35 * strength)
    mixed = look.prepared(np.clip(blend(toned, composition, towards_new), 0, 1))
    painted = _painted(brief, look, mixed, width, height)
    return np.clip(blend(before, painted, float(smooth(0.0, 0.5, strength))), 0, 1)


def _taken_over(brief: Brief, composition: Pixels, strength: float) -> Pixels:
    """Where the brief's own forms show, 0 to 1: patch by patch, as a painter changes a picture, and more with more strength."""
    patches = fractal(brief.random("patches"), composition.shape[0], composition.shape[1], 4, 3)
    start = 0.25 + 0.5 * patches
    return np.asarray(smooth(0.0, 1.0, (strength - start) / 0.25), np.float32)


def _composed(brief: Brief, look: Look, width: int, height: int) -> Pixels:
    factor = min(1.0, COMPOSING_SIDE / max(width, height))
    return compose(brief, max(16, round(width * factor)), max(16, round(height * factor)), night=look.night > 0.3)


def _painted(brief: Brief, look: Look, composition: Pixels, width: int, height: int) -> Pixels:
    painting = paint(composition, width, height, look.brush, brief.random("strokes"))
    return look.finished(painting, composition)
