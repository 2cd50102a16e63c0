"""What a picture file is, found out without trusting it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from wake_service.errors import WakebrushError


class NotAnImage(WakebrushError):
    """The bytes cannot be read as PNG, JPEG or WebP, or not to their end."""


class ImageTooLarge(WakebrushError):
    """More pixels than are accepted; it was not decoded."""

    def __init__(self, width: int, height: int, max_pixels: int) -> None:
        super().__init__(f"The picture has {width:,} × {height:,} pixels; at most {max_pixels:,} in all are accepted.")
        self.width = width
        self.height = height
        self.max_pixels = max_pixels


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """`media_type` is `image/png`, `image/jpeg` or `image/webp`; sizes in pixels, as stored (before any EXIF rotation)."""

    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Kind:
    media_type: str
    open: Callable[[io.BytesIO], ImageFile.ImageFile]


_PNG = _Kind("image/png", PngImagePlugin.PngImageFile)
_JPEG = _Kind("image/jpeg", JpegImagePlugin.JpegImageFile)
_WEBP = _Kind("image/webp", WebPImagePlugin.WebPImageFile)

#: What Pillow's readers raise on files that are broken or made to hurt.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def inspect(data: bytes, *, max_pixels: int) -> ImageInfo:
    """Kind and size of a picture that is whole and decodes. Raises NotAnImage or ImageTooLarge.

    The header alone decides about the size; only what passes is decoded (and forgotten). That takes CPU time of the order of a
    second for 16 million pixels, so it belongs in a thread.
    """
    return _read(data, max_pixels, whole=True)


def read_header(data: bytes, *, max_pixels: int) -> ImageInfo:
    """Kind and size as the header says, for pictures from a source that is not out to hurt; takes microseconds."""
    return _read(data, max_pixels, whole=False)


def _read(data: bytes, max_pixels: int, *, whole: bool) -> ImageInfo:
    kind = _kind(data)
    try:
        if kind is _WEBP:
            _check_size(*_webp_size(data), max_pixels)
        with kind.open(io.BytesIO(data)) as image:
            width, height = image.size
            _check_size(width, height, max_pixels)
            if whole:
                _decode(kind, data, image)
    except UNREADABLE as error:
        raise NotAnImage(f"The picture is broken or cut off, and cannot be read as {_name(kind)}.") from error
    return ImageInfo(kind.media_type, width, height)


def _kind(data: bytes) -> _Kind:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _PNG
    if data.startswith(b"\xff\xd8\xff"):
        return _JPEG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _WEBP
    raise NotAnImage("This is not a PNG, JPEG or WebP picture.")


def _name(kind: _Kind) -> str:
    return {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WebP"}[kind.media_type]


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise ValueError("no pixels")
    if width * height > max_pixels:
        raise ImageTooLarge(width, height, max_pixels)


def _decode(kind: _Kind, data: bytes, image: ImageFile.ImageFile) -> None:
    """Decodes as cheaply as shows that all of it is there: JPEG at an eighth of its size; PNG has checksums up to its end."""
    if kind is _JPEG:
        image.draft("L", (max(1, image.width // 8), max(1, image.height // 8)))
    image.load()
    if kind is _PNG:
        with kind.open(io.BytesIO(data)) as again:
            again.verify()


def _webp_size(data: bytes) -> tuple[int, int]:
    """Canvas size from the first chunk (RFC 9649, 2.5 to 2.7). Pillow's reader makes room for the whole canvas on opening."""
    chunk, body = data[12:16], data[20:30]
    if chunk == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("no picture in the container")
