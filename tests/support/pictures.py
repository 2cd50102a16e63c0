"""Small pictures for tests."""

from __future__ import annotations

import io
import random

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]


def png(width: int = 64, height: int = 64, colour: Colour = (120, 160, 200)) -> bytes:
    """A picture of one colour."""
    return as_png(Image.new("RGB", (width, height), colour))


def with_alpha(alpha: int, size: tuple[int, int] = (8, 8)) -> bytes:
    """A black picture that is everywhere as opaque as `alpha` (0 to 255) says."""
    return as_png(Image.new("RGBA", size, (0, 0, 0, alpha)))


def mask_png(width: int = 64, height: int = 64, box: tuple[int, int, int, int] = (16, 16, 48, 48)) -> bytes:
    """A mask: white in `box` (left, top, right, bottom), black elsewhere."""
    image = Image.new("L", (width, height), 0)
    ImageDraw.Draw(image).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=255)
    return as_png(image)


def noise_png(seed: int, width: int = 256, height: int = 256) -> bytes:
    """A picture that does not get smaller by compression: about 3 bytes a pixel."""
    return as_png(Image.frombytes("RGB", (width, height), random.Random(seed).randbytes(width * height * 3)))


def as_png(image: Image.Image) -> bytes:
    """The bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    """A picture read whole from its file's bytes."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
