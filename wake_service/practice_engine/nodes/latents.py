"""Blank sheets, pictures to sketch over, and masks that protect parts of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image, ImageFilter

from .. import vae as codec
from ..failures import OutOfMemory
from ..pixels import Pixels, sampled
from .values import Conditioning, Latent, Result, Run, Vae

MAX_PIXELS = 32 * 1024 * 1024
"""More than this in one batch runs out of memory: enough for 5,000 × 6,500, and for a computer of 8 GB."""
GREY = np.float32(0.5)


def check_memory(pixels: int) -> None:
    """Raises OutOfMemory for more pixels than the imitated GPU holds."""
    if pixels > MAX_PIXELS:
        raise OutOfMemory(pixels * 4 * 64 / 2**30)


def empty_latent(run: Run, width: int, height: int, batch_size: int) -> Result:
    """Grey sheets; sides are rounded down to whole blocks."""
    height, width = height // codec.BLOCK * codec.BLOCK, width // codec.BLOCK * codec.BLOCK
    check_memory(width * height * batch_size)
    return Result((Latent(np.broadcast_to(GREY, (batch_size, height, width, 3))),))


def encode(run: Run, pixels: Pixels, vae: Vae) -> Result:
    """A picture as a latent."""
    return Result((Latent(codec.encode(pixels)),))


def decode(run: Run, samples: Latent, vae: Vae) -> Result:
    """A latent as a picture, with the flaws that were asked for."""
    return Result((codec.decode(samples.samples, run.options.imperfection),))


def encode_tiled(
    run: Run, pixels: Pixels, vae: Vae, tile_size: int, overlap: int, temporal_size: int, temporal_overlap: int
) -> Result:
    """A picture as a latent; tiles make no difference to a sketch."""
    return encode(run, pixels, vae)


def decode_tiled(
    run: Run, samples: Latent, vae: Vae, tile_size: int, overlap: int, temporal_size: int, temporal_overlap: int
) -> Result:
    """A latent as a picture; tiles make no difference to a sketch."""
    return decode(run, samples, vae)


def set_noise_mask(run: Run, samples: Latent, mask: Pixels) -> Result:
    """Sketch only where the mask is white."""
    return Result((replace(samples, mask=mask),))


def encode_for_inpaint(run: Run, pixels: Pixels, vae: Vae, mask: Pixels, grow_mask_by: int) -> Result:
    """A picture with grey where the mask (rounded to black and white) is white; the part to sketch is grown."""
    planes = np.round(fitted(mask, pixels))
    blank = (pixels - GREY) * (1 - planes)[..., None] + GREY
    grown = np.stack([_grown(plane, grow_mask_by) for plane in planes])
    return Result((Latent(codec.encode(np.asarray(blank, np.float32)), codec.encode(grown[..., None].repeat(3, -1))[..., 0]),))


def condition_for_inpaint(
    run: Run, positive: Conditioning, negative: Conditioning, vae: Vae, pixels: Pixels, mask: Pixels, noise_mask: bool
) -> Result:
    """Prompts that know the picture around the mask; a sketch sees it through the latent, so the words stay as they are."""
    plane = codec.encode(fitted(mask, pixels)[..., None].repeat(3, -1))[..., 0]
    return Result((positive, negative, Latent(codec.encode(pixels), plane if noise_mask else None)))


def fitted(mask: Pixels, pixels: Pixels) -> Pixels:
    """A mask (`[height, width]` or `[n, height, width]`) at the size of the pictures."""
    _, height, width, _ = pixels.shape
    planes = mask.reshape(-1, mask.shape[-2], mask.shape[-1])
    return np.stack([sampled(plane, height, width) for plane in planes])


def _grown(plane: Pixels, by: int) -> Pixels:
    """A black-and-white mask grown by half of `by` pixels on each side."""
    if by <= 1:
        return plane
    image = Image.fromarray((plane * 255).astype(np.uint8))
    grown = image.filter(ImageFilter.MaxFilter(by // 2 * 2 + 1))
    return np.asarray(grown, np.float32) / np.float32(255)
