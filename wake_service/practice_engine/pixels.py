"""Pictures as arrays: float32, rows × columns × RGB, values 0 to 1; a leading axis where there are several."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels: TypeAlias = NDArray[np.float32]


def to_image(picture: Pixels) -> Image.Image:
    """An RGB image; values are cut to 0..1 and truncated to 8 bits, as ComfyUI's save nodes do."""
    return Image.fromarray(np.clip(picture * np.float32(255.0), 0, 255).astype(np.uint8))


def from_image(image: Image.Image) -> Pixels:
    """The array of an image, converted to RGB."""
    return np.asarray(image.convert("RGB"), np.float32) / np.float32(255.0)


def sampled(plane: Pixels, height: int, width: int) -> Pixels:
    """One plane at another size by plain bilinear sampling at cell centres (no averaging), as torch's interpolate does."""
    rows, row_next, row_part = _positions(plane.shape[0], height)
    columns, column_next, column_part = _positions(plane.shape[1], width)
    upper = plane[rows][:, columns] * (1 - column_part) + plane[rows][:, column_next] * column_part
    lower = plane[row_next][:, columns] * (1 - column_part) + plane[row_next][:, column_next] * column_part
    part = row_part[:, None]
    return np.asarray(upper * (1 - part) + lower * part, np.float32)


def _positions(old: int, new: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Pixels]:
    centres = np.clip((np.arange(new, dtype=np.float32) + 0.5) * (old / new) - 0.5, 0, old - 1)
    below = np.floor(centres).astype(np.intp)
    return below, np.minimum(below + 1, old - 1), np.asarray(centres - below, np.float32)
