"""The imitated VAE: latents are the pixels themselves, in blocks of 8, plus the flaws that real ones have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from .pixels import Pixels, from_image, to_image

BLOCK = 8
"""Pixels along one side of a latent cell (SD 1.5, SDXL and FLUX alike)."""

FULL_DRIFT = (7.0 / 255.0, -3.0 / 255.0, -6.0 / 255.0)
"""What drift 1 adds to red, green and blue: a warm cast of the size seen when a checkpoint is paired with another's VAE."""


@dataclass(frozen=True, slots=True)
class Imperfection:
    """Known flaws of a decode: `drift` scales FULL_DRIFT, `blur` is a Gaussian radius in pixels. Both 0: lossless."""

    drift: float = 0.0
    blur: float = 0.0


def encode(pixels: Pixels) -> Pixels:
    """`[n, height, width, 3]` cut to whole blocks, evenly from both sides, as ComfyUI does."""
    _, height, width, _ = pixels.shape
    top, left = (height % BLOCK) // 2, (width % BLOCK) // 2
    rows, columns = height // BLOCK * BLOCK, width // BLOCK * BLOCK
    return pixels[:, top : top + rows, left : left + columns, :3]


def decode(latent: Pixels, imperfection: Imperfection) -> Pixels:
    """The picture of a latent, with the flaws asked for; values stay within 0 to 1."""
    pixels = latent
    if imperfection.blur:
        pixels = np.stack([_blurred(picture, imperfection.blur) for picture in pixels])
    if imperfection.drift:
        pixels = pixels + np.asarray(FULL_DRIFT, np.float32) * np.float32(imperfection.drift)
    return np.clip(pixels, 0.0, 1.0) if pixels is not latent else latent


def _blurred(picture: Pixels, radius: float) -> Pixels:
    image: Image.Image = to_image(picture)
    return from_image(image.filter(ImageFilter.GaussianBlur(radius)))
