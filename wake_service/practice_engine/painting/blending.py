"""Making new paint meet old: soft edges inside a mask, and tones carried over its border."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from ..pixels import Pixels
from .noise import smooth, softened

CELL = 8


def soften_inside(mask: Pixels) -> Pixels:
    """A mask made of latent cells, its edge softened only inwards: what was 0 stays exactly 0."""
    image = Image.fromarray((mask * 255).astype(np.uint8))
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(CELL * 0.6)), np.float32) / np.float32(255)
    return np.asarray(np.minimum(mask, smooth(0.45, 0.98, soft) * mask.max()), np.float32)


def continue_tones(new: Pixels, old: Pixels, mask: Pixels) -> Pixels:
    """`new` with its colours shifted so that they meet `old` at the border of the mask, less and less towards its middle."""
    height, width = mask.shape
    small = (max(1, width // CELL), max(1, height // CELL))
    known = 1 - np.asarray(Image.fromarray(mask).resize(small, Image.Resampling.BOX), np.float32)
    known = (known > 0.5).astype(np.float32)
    if not known.any():
        return new
    gap = np.stack(
        [
            np.asarray(Image.fromarray(np.ascontiguousarray((old - new)[..., c])).resize(small, Image.Resampling.BOX))
            for c in range(3)
        ],
        -1,
    )
    filled, closeness = spread(gap * known[..., None], known)
    shift = filled * (0.3 + 0.7 * closeness)[..., None]
    large = np.stack(
        [
            np.asarray(Image.fromarray(np.ascontiguousarray(shift[..., c])).resize((width, height), Image.Resampling.BICUBIC))
            for c in range(3)
        ],
        -1,
    )
    return np.asarray(np.clip(new + large, 0, 1), np.float32)


def spread(values: Pixels, known: Pixels) -> tuple[Pixels, Pixels]:
    """Values spread from where they are known to everywhere, near ones first; and how close the known is, 1 to 0."""
    total = values.copy()
    weight = known.copy()
    closeness = known.copy()
    reach, longest = 1, max(known.shape)
    while reach < longest * 2:
        spread = softened(known, reach)
        carried = np.stack([softened(np.ascontiguousarray(values[..., c]), reach) for c in range(3)], -1)
        open_part = (weight < 1e-3) & (spread > 1e-3)
        total[open_part] = carried[open_part] / spread[open_part, None]
        weight[open_part] = 1.0
        closeness[open_part] = 1.0 / (1.0 + reach * 0.35)
        reach = reach * 2
    smoothed = np.stack([softened(np.ascontiguousarray(total[..., c]), 2) for c in range(3)], -1)
    return np.where(known[..., None] > 0, total, smoothed), softened(closeness, 2)
