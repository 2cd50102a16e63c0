"""What a picture file is, found out without trusting it."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wake_service.blobs.image import ImageInfo, ImageTooLarge, NotAnImage, inspect

ROOM = 10_000_000


def encoded(kind: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **how: object) -> bytes:
    image = Image.effect_noise(size, 80).convert(mode)
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


PNG, JPEG, WEBP = encoded("PNG"), encoded("JPEG"), encoded("WEBP")
KINDS = pytest.mark.parametrize("data", [PNG, JPEG, WEBP], ids=["png", "jpeg", "webp"])


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and has next to no data."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (encoded("PNG", mode="RGBA"), "image/png"),
        (encoded("PNG", mode="I;16"), "image/png"),
        (JPEG, "image/jpeg"),
        (encoded("JPEG", progressive=True), "image/jpeg"),
        (encoded("JPEG", mode="CMYK"), "image/jpeg"),
        (WEBP, "image/webp"),
        (encoded("WEBP", lossless=True), "image/webp"),
        (encoded("WEBP", mode="RGBA"), "image/webp"),
    ],
)
def test_kind_and_size_are_told(data: bytes, media_type: str) -> None:
    assert inspect(data, max_pixels=ROOM) == ImageInfo(media_type, 64, 48)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x04\0\0\0WEBP", b"<svg/>", encoded("GIF", mode="L")]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(NotAnImage):
        inspect(data, max_pixels=ROOM)


@KINDS
def test_a_picture_that_was_cut_off_anywhere_is_refused(data: bytes) -> None:
    for length in [*range(0, len(data) - 20, 97), len(data) - 20, len(data) // 2]:
        with pytest.raises(NotAnImage):
            inspect(data[:length], max_pixels=ROOM)


@KINDS
def test_the_limit_of_pixels_is_exact(data: bytes) -> None:
    assert inspect(data, max_pixels=64 * 48).width == 64
    with pytest.raises(ImageTooLarge, match=r"64 × 48 pixels; at most 3,071 in all") as caught:
        inspect(data, max_pixels=64 * 48 - 1)
    assert (caught.value.width, caught.value.height, caught.value.max_pixels) == (64, 48, 3071)


@pytest.mark.parametrize(
    "data",
    [
        png_header(100_000, 100_000),
        png_header(2**31 - 1, 2**31 - 1),
        JPEG.replace(struct.pack(">HH", 48, 64), struct.pack(">HH", 65_500, 65_500)),
        b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + b"\xff\x3f\0" * 2 + bytes(12),
        b"RIFF\x1e\0\0\0WEBPVP8L\x0a\0\0\0\x2f\xff\xff\xff\x0f" + bytes(12),
        b"RIFF\x1e\0\0\0WEBPVP8 \x0a\0\0\0\x30\x01\0\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(12),
    ],
    ids=["png", "largest png", "jpeg", "extended webp", "lossless webp", "lossy webp"],
)
def test_a_decompression_bomb_is_refused_before_it_goes_off(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ImageTooLarge):
            inspect(data, max_pixels=ROOM)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_picture_that_promises_more_than_it_holds_is_refused() -> None:
    with pytest.raises(NotAnImage):
        inspect(png_header(1000, 1000), max_pixels=ROOM)


def test_a_flipped_bit_in_a_png_is_found() -> None:
    middle = len(PNG) // 2
    with pytest.raises(NotAnImage):
        inspect(PNG[:middle] + bytes([PNG[middle] ^ 1]) + PNG[middle + 1 :], max_pixels=ROOM)


@settings(max_examples=150)
@given(
    st.sampled_from([PNG, JPEG, WEBP, encoded("WEBP", mode="RGBA"), encoded("JPEG", progressive=True)]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_whatever_is_broken_gives_an_answer_or_our_own_refusal(data: bytes, changes: list[tuple[int, int]]) -> None:
    broken = bytearray(data)
    for position, value in changes:
        broken[position % len(broken)] = value
    try:
        info = inspect(bytes(broken), max_pixels=100_000)
    except (NotAnImage, ImageTooLarge):
        return
    assert 0 < info.width * info.height <= 100_000
