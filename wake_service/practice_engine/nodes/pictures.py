"""Reading pictures from the input folder, and changing their size or kind."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps, ImageSequence

from ..pixels import Pixels, from_image, to_image
from .latents import check_memory, fitted
from .values import Result, Run

METHODS = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
NO_MASK = np.zeros((64, 64), np.float32)
"""ComfyUI's mask of a picture without transparency."""


def load_image(run: Run, image: str) -> Result:
    """All frames of one size, and their transparency as a mask: 1 where the picture is transparent."""
    pictures: list[Pixels] = []
    masks: list[Pixels] = []
    with _opened(run, image) as file:
        _check_size(file)
        for frame in ImageSequence.Iterator(file):
            upright = _plain(ImageOps.exif_transpose(frame))
            if pictures and upright.size != (pictures[0].shape[1], pictures[0].shape[0]):
                continue
            pictures.append(from_image(upright))
            masks.append(_transparency(upright))
    return Result((np.stack(pictures), np.stack(masks)))


def load_mask(run: Run, image: str, channel: str) -> Result:
    """One channel of a picture as a mask; alpha counts from the other end (1 where transparent)."""
    with _opened(run, image) as file:
        _check_size(file)
        upright = _plain(ImageOps.exif_transpose(file)).convert("RGBA")
    plane = np.asarray(upright.getchannel(channel[0].upper()), np.float32) / np.float32(255)
    return Result(((1 - plane if channel == "alpha" else plane)[None],))


def scale(run: Run, image: Pixels, upscale_method: str, width: int, height: int, crop: str) -> Result:
    """A picture at another size. One side 0: in proportion; both 0: unchanged. `crop` center keeps the proportions by cutting."""
    _, old_height, old_width, _ = image.shape
    if width == 0 and height == 0:
        return Result((image,))
    width = width or max(1, round(old_width * height / old_height))
    height = height or max(1, round(old_height * width / old_width))
    if crop == "center":
        image = _cut_to_shape(image, width / height)
    return Result((_resized(image, width, height, upscale_method),))


def scale_by(run: Run, image: Pixels, upscale_method: str, scale_by: float) -> Result:
    """A picture larger or smaller by a factor."""
    _, height, width, _ = image.shape
    return Result((_resized(image, max(1, round(width * scale_by)), max(1, round(height * scale_by)), upscale_method),))


def composite(
    run: Run, destination: Pixels, source: Pixels, x: int, y: int, resize_source: bool, mask: Pixels | None = None
) -> Result:
    """One picture laid over another at (x, y), where its mask is white; what reaches beyond is cut off."""
    _, height, width, _ = destination.shape
    if resize_source:
        source = _resized(source, width, height, "bilinear")
    rows, columns = min(source.shape[1], height - y), min(source.shape[2], width - x)
    if rows <= 0 or columns <= 0:
        return Result((destination,))
    weight = np.ones((1, *source.shape[1:3]), np.float32) if mask is None else fitted(mask, source)
    laid = np.array(destination)
    for n, picture in enumerate(laid):
        part, over = weight[n % len(weight), :rows, :columns, None], source[n % len(source), :rows, :columns]
        below = picture[y : y + rows, x : x + columns]
        picture[y : y + rows, x : x + columns] = below * (1 - part) + over * part
    return Result((laid,))


def invert(run: Run, image: Pixels) -> Result:
    """The negative."""
    return Result((1 - image,))


def empty_image(run: Run, width: int, height: int, batch_size: int, color: int) -> Result:
    """Pictures of one colour, 0xRRGGBB."""
    check_memory(width * height * batch_size)
    colour = np.asarray([color >> 16 & 0xFF, color >> 8 & 0xFF, color & 0xFF], np.float32) / np.float32(255)
    return Result((np.broadcast_to(colour, (batch_size, height, width, 3)),))


def image_to_mask(run: Run, image: Pixels, channel: str) -> Result:
    """One channel; pictures carry no alpha here, so that is all ones."""
    if channel == "alpha":
        return Result((np.ones(image.shape[:3], np.float32),))
    return Result((image[..., ("red", "green", "blue").index(channel)],))


def mask_to_image(run: Run, mask: Pixels) -> Result:
    """A grey picture."""
    planes = mask.reshape(-1, mask.shape[-2], mask.shape[-1])
    return Result((planes[..., None].repeat(3, -1),))


def _opened(run: Run, name: str) -> Image.Image:
    path = run.folders.find_input(name)
    if path is None:
        raise FileNotFoundError(f"Invalid image file: {name}")
    return Image.open(path)


def _check_size(file: Image.Image) -> None:
    check_memory(file.width * file.height * getattr(file, "n_frames", 1))


def _plain(image: Image.Image) -> Image.Image:
    """16-bit grey brought down to 8; everything else as it is."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image, np.float32) / 257).clip(0, 255).astype(np.uint8))


def _transparency(image: Image.Image) -> Pixels:
    if "A" in image.getbands():
        alpha = image.getchannel("A")
    elif "transparency" in image.info:
        alpha = image.convert("RGBA").getchannel("A")
    else:
        return NO_MASK
    return np.asarray(1 - np.asarray(alpha, np.float32) / 255, np.float32)


def _cut_to_shape(image: Pixels, shape: float) -> Pixels:
    _, height, width, _ = image.shape
    if width / height > shape:
        cut = round((width - height * shape) / 2)
        return image[:, :, cut : width - cut] if cut else image
    cut = round((height - width / shape) / 2)
    return image[:, cut : height - cut] if cut else image


def _resized(image: Pixels, width: int, height: int, method: str) -> Pixels:
    check_memory(width * height * image.shape[0])
    return np.stack([from_image(to_image(picture).resize((width, height), METHODS[method])) for picture in image])
