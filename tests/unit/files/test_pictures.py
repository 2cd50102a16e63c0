"""Pictures made from pictures that strangers send: as wished, or a sentence; no program started, no memory without end."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.pictures import as_png, opened, png, with_alpha
from wake_service.blobs.folder import FolderBlobs
from wake_service.blobs.memory import MemoryBlobs
from wake_service.files.gallery import Gallery
from wake_service.files.pictures import MOST_PIXELS, NotAPicture, Wish, masked, render, wish_of


def encoded(kind: str, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((32, 24), 80).convert(mode).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("preview", "channel", "wish"),
    [
        (None, "", None),
        (None, "rgba", None),
        (None, "rgb", Wish("rgb", flat=True)),
        (None, "a", Wish("alpha")),
        ("webp;80", "", Wish("webp", 80)),
        ("jpeg;5", "", Wish("jpeg", 5, flat=True)),
        ("jpeg;80", "a", Wish("webp", 80)),
        ("webp;0", "", Wish("webp", 1)),
        ("webp;1000", "", Wish("webp", 100)),
        ("webp;high", "", Wish("webp", 90)),
        ("webp;" + "9" * 5000, "", Wish("webp", 90)),
        ("webp;²", "", Wish("webp", 90)),
        ("", "", Wish("webp", 90)),
    ],
)
def test_a_query_is_understood_as_comfyui_understands_it(preview: str | None, channel: str, wish: Wish | None) -> None:
    assert wish_of(preview, channel) == wish


@given(st.text(max_size=20), st.text(max_size=6))
def test_any_query_is_a_wish_that_can_be_granted(preview: str, channel: str) -> None:
    wish = wish_of(preview, channel)
    assert wish is not None and wish.kind in ("webp", "jpeg") and 1 <= wish.quality <= 100


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("wish", [Wish("webp", 80), Wish("jpeg", 80, flat=True), Wish("rgb", flat=True), Wish("alpha")])
def test_pictures_of_all_modes_can_be_shown(mode: str, wish: Wish) -> None:
    made = opened(render(encoded("PNG", mode), wish))
    assert made.size == (32, 24)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_the_usual_formats_are_read(kind: str) -> None:
    assert opened(render(encoded(kind), Wish("webp", 80))).size == (32, 24)


@pytest.mark.parametrize("data", [b"", b"words", png()[:50], encoded("EPS", "RGB"), encoded("PPM")], ids=range(5))
def test_what_is_no_picture_here_is_told_so(data: bytes) -> None:
    with pytest.raises(NotAPicture):
        render(data, Wish("webp", 80))


def bomb(side: int) -> bytes:
    """A PNG that promises a size and has next to no data."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [int(MOST_PIXELS**0.5) + 1, 10_000, 100_000])
def test_a_decompression_bomb_is_refused_before_it_goes_off(side: int) -> None:
    tracemalloc.start()
    try:
        for work in (lambda: render(bomb(side), Wish("webp", 80)), lambda: masked(png(), bomb(side))):
            with pytest.raises(NotAPicture):
                work()
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_mask_of_another_size_is_stretched_over_its_picture() -> None:
    mask = Image.new("RGBA", (4, 2), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (2, 0, 4, 2))
    made = opened(masked(png(40, 20, (9, 8, 7)), as_png(mask)))
    assert (made.getpixel((1, 10)), made.getpixel((38, 10))) == ((9, 8, 7, 255), (9, 8, 7, 0))


@pytest.mark.parametrize("kind", ["folder", "memory"])
async def test_pictures_are_made_from_whatever_keeps_their_bytes(kind: str, tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path) if kind == "folder" else MemoryBlobs()
    gallery = Gallery(blobs)
    info = await blobs.put(with_alpha(30))
    assert opened(await gallery.shown(info.sha256, Wish("alpha"))).getpixel((0, 0)) == (0, 0, 0, 30)
    assert opened(await gallery.masked(info.sha256, io.BytesIO(with_alpha(7)))).getpixel((0, 0)) == (0, 0, 0, 7)
