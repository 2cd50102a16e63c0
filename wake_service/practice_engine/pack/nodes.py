"""The pack's node: a frame of one colour around a picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..catalogue import NodeClass
from ..nodes.values import Result, Run
from ..pixels import Pixels
from . import NAME

FRAME = NodeClass(
    "PracticeFrame", "Practice Frame", "practice", "A frame of one colour around a picture; the picture keeps its size.",
    {
        "image": ("IMAGE", {}),
        "width": ("INT", {"default": 4, "min": 0, "max": 64, "step": 1}),
        "colour": (["ochre", "indigo", "madder"], {}),
    },
    (("IMAGE", "IMAGE"),),
    module=f"custom_nodes.{NAME}",
)  # fmt: skip
COLOURS = {"ochre": (0.80, 0.47, 0.13), "indigo": (0.18, 0.20, 0.48), "madder": (0.70, 0.16, 0.22)}


def frame(run: Run, image: Pixels, width: int, colour: str) -> Result:
    """The pictures with their outer `width` pixels painted over."""
    framed = np.empty_like(image)
    framed[:] = COLOURS[colour]
    inner = (slice(None), slice(width, image.shape[1] - width), slice(width, image.shape[2] - width))
    if width * 2 < min(image.shape[1:3]):
        framed[inner] = image[inner]
    return Result((framed,))


NODES = {FRAME.name: FRAME}
RUNNERS: dict[str, Callable[..., Result]] = {FRAME.name: frame}
