"""Sketching step by step: what KSampler does with a latent, a prompt, a seed, a strength and a mask."""

from __future__ import annotations

import logging

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from ..frames import Preview
from ..painting import Brief, repaint, sketch
from ..painting.blending import continue_tones, soften_inside
from ..pixels import Pixels, sampled, to_image
from ..vae import BLOCK
from .latents import check_memory
from .values import Conditioning, Latent, Model, Result, Run

log = logging.getLogger(__name__)

PREVIEW_SIDE = 512
"""Longest side of a preview, as ComfyUI's."""
WORKING_SIDE = 256
"""Previews are blurred and grained at this size, then enlarged, as latent previews are."""


def sample(
    run: Run,
    model: Model,
    seed: int,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    denoise: float,
) -> Result:
    """Sketches over a latent. `denoise` 0 returns it unchanged, 1 keeps nothing but what the mask protects."""
    before = latent_image.samples
    check_memory(before.size // 3)
    if denoise <= 0:
        return Result((latent_image,))
    guidance = positive.guidance * 2 if positive.guidance is not None else cfg
    brief = Brief(positive.text, negative.text, seed, model.name, model.loras, guidance)
    after: list[Pixels] | None = None
    previews = None
    for step in range(1, steps + 1):
        run.wait(run.options.timing.step + _load_seconds(run, model))
        run.failures.at_step(step, steps, frugal=run.frugal)
        if after is None or previews is None:
            after = [painted(before[n], block_mask(latent_image, n), brief.variant(n), denoise) for n in range(len(before))]
            previews = Previews(before[0], after[0], seed, denoise)
        run.step(step, steps, previews.at(step / steps))
    assert after is not None, "steps are at least 1"
    return Result((Latent(np.stack(after), latent_image.mask),))


def _load_seconds(run: Run, model: Model) -> float:
    """Seconds that this step carries for reading the model, 0 when it was used before."""
    if model.name in run.loaded:
        return 0.0
    log.info("Requested to load %s", model.name)
    run.loaded.add(model.name)
    return run.options.timing.load


def block_mask(latent: Latent, number: int) -> Pixels | None:
    """The mask of one picture in latent cells, spread back to pixels; None where there is none."""
    if latent.mask is None:
        return None
    planes = latent.mask.reshape(-1, latent.mask.shape[-2], latent.mask.shape[-1])
    _, height, width, _ = latent.samples.shape
    cells = sampled(planes[number % len(planes)], height // BLOCK, width // BLOCK)
    return cells.repeat(BLOCK, 0).repeat(BLOCK, 1)


def painted(before: Pixels, mask: Pixels | None, brief: Brief, strength: float) -> Pixels:
    """One finished picture."""
    height, width = before.shape[:2]
    if mask is None:
        return sketch(brief, width, height) if strength >= 1 else repaint(brief, before, strength)
    if not mask.any():
        return before
    top, bottom, left, right = _surroundings(mask)
    part, part_mask = before[top:bottom, left:right], mask[top:bottom, left:right]
    new = sketch(brief, right - left, bottom - top) if strength >= 1 else repaint(brief, part, strength)
    new = continue_tones(new, part, part_mask)
    weight = soften_inside(part_mask)[..., None]
    after = np.array(before)
    after[top:bottom, left:right] = part * (1 - weight) + new * weight
    return after


def _surroundings(mask: Pixels) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of the part to sketch with a fifth of its size around it, in whole blocks."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    edges = []
    for found, size in ((rows, mask.shape[0]), (columns, mask.shape[1])):
        first, last = int(found[0]), int(found[-1]) + 1
        around = (last - first) // 5 + 2 * BLOCK
        edges += [max(0, (first - around) // BLOCK * BLOCK), min(size, -(-(last + around) // BLOCK) * BLOCK)]
    return edges[0], edges[1], edges[2], edges[3]


class Previews:
    """What a picture looks like on its way: coarse and grainy first, itself in the end."""

    def __init__(self, before: Pixels, after: Pixels, seed: int, strength: float) -> None:
        small = _contained(to_image(after), WORKING_SIDE)
        self._after = small
        self._before = to_image(before).resize(small.size, Image.Resampling.BOX)
        self._size = _contained_size(after.shape[1], after.shape[0], PREVIEW_SIDE)
        grain = np.random.default_rng(seed).standard_normal((small.height, small.width, 3), np.float32)
        self._grain = grain * np.float32(70 * strength)
        self._strength = strength

    def at(self, done: float) -> Preview:
        """The preview when `done` (above 0, up to 1) of the steps are made."""
        left = (1 - done) ** 1.4
        clear = self._after.filter(ImageFilter.GaussianBlur(14 * left * self._strength)) if left else self._after
        mixed = np.asarray(Image.blend(clear, self._before, left * (1 - self._strength)), np.float32)
        noisy = mixed + np.roll(self._grain, round(done * 997), axis=1) * np.float32(left)
        image = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
        return Preview.of(image.resize(self._size, Image.Resampling.BILINEAR), "JPEG")


def _contained(image: Image.Image, side: int) -> Image.Image:
    return ImageOps.contain(image, (side, side), Image.Resampling.BOX)


def _contained_size(width: int, height: int, side: int) -> tuple[int, int]:
    factor = side / max(width, height)
    return max(1, round(width * factor)), max(1, round(height * factor))
