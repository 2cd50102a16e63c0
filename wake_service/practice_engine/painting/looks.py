"""How checkpoints and LoRAs change the hand: brush, light, and what is done to the finished picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter

from ..pixels import Pixels, from_image, to_image
from .brief import Brief
from .brush import Brush
from .noise import blend, smooth

BRUSHES = {
    "practice-sd15": Brush(),
    "practice-sdxl": Brush(widths=(0.036, 0.017, 0.0075, 0.0038), liveliness=0.42, relief=0.45, grain=0.022, detail=0.6),
    "practice-flux": Brush(widths=(0.05, 0.021, 0.008, 0.004), liveliness=0.28, relief=0.25, grain=0.014, detail=0.75),
}
PAPER = np.asarray((0.955, 0.935, 0.89), np.float32)
INK = np.asarray((0.1, 0.09, 0.12), np.float32)


@dataclass(frozen=True, slots=True)
class Look:
    """A brush and the strength of each LoRA, 0 to 1."""

    brush: Brush
    ink: float = 0.0
    gouache: float = 0.0
    night: float = 0.0
    vividness: float = 1.0

    @classmethod
    def of(cls, brief: Brief) -> Look:
        """The look that a brief's model, LoRAs and guidance ask for."""
        strengths = {"ink": 0.0, "gouache": 0.0, "night": 0.0}
        for name, strength in brief.loras:
            kind = name.removeprefix("practice-").removesuffix(".safetensors")
            if kind in strengths:
                strengths[kind] = float(np.clip(strengths[kind] + strength, 0, 1))
        brush = BRUSHES.get(brief.model.removesuffix(".safetensors"), Brush())
        if strengths["gouache"] > 0.3:
            brush = replace(brush, widths=(0.052, 0.028, 0.0125, 0.005), liveliness=0.5, relief=0.18, grain=0.04, detail=0.5)
        vividness = 0.82 + 0.36 * float(np.tanh(brief.guidance / 9))
        return cls(brush, vividness=vividness, **strengths)

    def prepared(self, picture: Pixels) -> Pixels:
        """What is done to a composition before it is painted."""
        grey = picture.mean(-1, keepdims=True)
        picture = np.clip(grey + (picture - grey) * np.float32(self.vividness), 0, 1)
        if self.gouache:
            vivid = np.clip(grey + (picture - grey) * np.float32(1.22), 0, 1)
            picture = blend(picture, _flattened(vivid), self.gouache * 0.9)
        return picture

    def finished(self, picture: Pixels, reference: Pixels) -> Pixels:
        """What is done to a painting; `reference` is the composition it was painted from."""
        if self.ink:
            picture = blend(picture, _inked(picture, reference), self.ink)
        return picture


def _flattened(picture: Pixels) -> Pixels:
    """Few opaque tones in clear shapes; hues stay."""
    flat = from_image(to_image(picture).filter(ImageFilter.MedianFilter(7)))
    grey = np.maximum(flat.mean(-1, keepdims=True), 0.02)
    steps = (np.round(grey * 8 - 0.25) + 0.25) / 8
    return np.asarray(np.clip(flat * (steps / grey), 0, 1), np.float32)


def _inked(picture: Pixels, reference: Pixels) -> Pixels:
    """Pen lines and hatching over a thin wash on paper."""
    height, width = picture.shape[:2]
    side = float(np.sqrt(width * height))
    grey = to_image(reference).convert("L").resize((width, height), Image.Resampling.BICUBIC)
    near = np.asarray(grey.filter(ImageFilter.GaussianBlur(side * 0.0013)), np.float32)
    wide = np.asarray(grey.filter(ImageFilter.GaussianBlur(side * 0.0034)), np.float32)
    lines = smooth(-0.8, -4.5, near - wide * np.float32(0.995))
    dark = np.asarray(grey.filter(ImageFilter.GaussianBlur(side * 0.004)), np.float32) / 255
    rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]
    period = max(4.0, side / 150)
    hatching = np.zeros((height, width), np.float32)
    for slant, below in ((1.0, 0.42), (-0.8, 0.26)):
        wave = np.sin((rows + columns * np.float32(slant) + wide * np.float32(0.06 * period)) * np.float32(2 * np.pi / period))
        hatching = np.maximum(hatching, smooth(0.45, 0.95, wave) * smooth(below, below - 0.16, dark) * np.float32(0.75))
    wash = blend(np.broadcast_to(PAPER, picture.shape), np.minimum(picture * np.float32(1.12) + np.float32(0.06), 1), 0.42)
    return blend(wash, INK, np.maximum(lines * np.float32(0.92), hatching))
