"""Filling a hole with the colours around it: what the node pack comfyui-inpaint-nodes does with a small model, imitated."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..painting.blending import spread
from ..pixels import Pixels, from_image, to_image
from .latents import fitted
from .values import InpaintModel, Result, Run

CELL = 8
"""Colours are spread over cells of so many pixels."""


def load_inpaint_model(run: Run, model_name: str) -> Result:
    """A way of filling holes."""
    return Result((InpaintModel(model_name),))


def fill_hole(run: Run, inpaint_model: InpaintModel, image: Pixels, mask: Pixels, seed: int) -> Result:
    """The pictures with their masked part in the colours around it, near ones first; the rest is as it was."""
    planes = fitted(mask, image)
    return Result((np.stack([_filled(picture, planes[n % len(planes)]) for n, picture in enumerate(image)]),))


def _filled(picture: Pixels, mask: Pixels) -> Pixels:
    height, width = mask.shape
    small = (max(1, width // CELL), max(1, height // CELL))
    known = (np.asarray(Image.fromarray(mask).resize(small, Image.Resampling.BOX)) < 0.01).astype(np.float32)
    if not known.any():
        return picture
    colours = from_image(to_image(picture).resize(small, Image.Resampling.BOX))
    around, _ = spread(colours * known[..., None], known)
    large = from_image(to_image(np.asarray(around, np.float32)).resize((width, height), Image.Resampling.BICUBIC))
    weight = mask[..., None]
    return np.asarray(picture * (1 - weight) + large * weight, np.float32)
