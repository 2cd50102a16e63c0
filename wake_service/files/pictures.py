"""Pictures made from stored pictures: packed smaller for a look, one part of one, one with a mask in it. Pillow's work."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, TypeAlias

from PIL import Image, PngImagePlugin

from wake_service.blobs.image import UNREADABLE
from wake_service.errors import WakebrushError

#: A file, its bytes, or what reads them.
Source: TypeAlias = Path | bytes | IO[bytes]
Kind: TypeAlias = Literal["webp", "jpeg", "rgb", "alpha"]

#: Larger ones are not decoded: 8192 × 8192 take 256 MB as RGBA.
MOST_PIXELS = 67_108_864
#: What is read at all; Pillow knows formats for which it would start other programs.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_UNREADABLE = (*UNREADABLE, Image.DecompressionBombWarning)


class NotAPicture(WakebrushError):
    """The file cannot be read as a picture, or is too large for that; the message says which."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be made of a picture: a WebP or JPEG of a `quality` from 1 to 100, its colours alone, or its alpha alone.

    `flat`: without transparency.
    """

    kind: Kind
    quality: int = 0
    flat: bool = False

    @property
    def media_type(self) -> str:
        """What comes out."""
        return f"image/{self.kind}" if self.kind in ("webp", "jpeg") else "image/png"


def wish_of(preview: str | None, channel: str) -> Wish | None:
    """What `/view?preview=webp;80&channel=rgb` asks for; None: the file as it is."""
    if preview is not None:
        form, *rest = preview.split(";")
        given = rest[-1] if rest else ""
        quality = max(1, min(100, int(given))) if given.isascii() and given.isdigit() and len(given) < 9 else 90
        kind: Kind = "jpeg" if form == "jpeg" and "a" not in channel else "webp"
        return Wish(kind, quality, flat=kind == "jpeg" or channel == "rgb")
    if channel == "rgb":
        return Wish("rgb", flat=True)
    return Wish("alpha") if channel == "a" else None


def render(source: Source, wish: Wish) -> bytes:
    """The picture as wished. CPU time of the order of a second for 16 million pixels. Raises NotAPicture."""
    try:
        with _opened(source) as picture:
            if wish.kind == "alpha":
                made = Image.new("RGBA", picture.size)
                made.putalpha(_alpha(picture))
            else:
                made = picture.convert("RGB") if wish.flat else _plain(picture)
            return _saved(made, wish)
    except _UNREADABLE as error:
        raise NotAPicture("The file cannot be shown as a picture: it is none, or it is broken.") from error


def masked(original: Source, mask: Source) -> bytes:
    """A PNG of the original that is transparent where the mask is; with the original's texts. Raises NotAPicture."""
    try:
        with _opened(original) as picture, _opened(mask) as drawn:
            texts = PngImagePlugin.PngInfo()
            for key, text in getattr(picture, "text", {}).items():
                texts.add_text(key, text)
            merged = picture.convert("RGBA")
            merged.putalpha(_alpha(drawn).resize(merged.size))
        buffer = io.BytesIO()
        merged.save(buffer, "PNG", compress_level=4, pnginfo=texts)
        return buffer.getvalue()
    except _UNREADABLE as error:
        raise NotAPicture("The mask or its picture cannot be read as pictures: one is none, or it is broken.") from error


def _opened(source: Source) -> Image.Image:
    picture = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS)
    if picture.width * picture.height > MOST_PIXELS:
        size = f"{picture.width:,} × {picture.height:,}"
        picture.close()
        raise NotAPicture(f"The picture has {size} pixels; at most {MOST_PIXELS:,} in all are opened here.")
    return picture


def _alpha(picture: Image.Image) -> Image.Image:
    return picture.convert("RGBA").getchannel("A")


def _plain(picture: Image.Image) -> Image.Image:
    """In a mode that WebP has."""
    return picture if picture.mode in ("RGB", "RGBA") else picture.convert("RGBA")


def _saved(picture: Image.Image, wish: Wish) -> bytes:
    buffer = io.BytesIO()
    if wish.media_type == "image/png":
        picture.save(buffer, "PNG", compress_level=1)
    else:
        picture.save(buffer, wish.kind, quality=wish.quality)
    return buffer.getvalue()
