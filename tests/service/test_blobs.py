"""Uploads: checked before they are kept, and each artist's own."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib

import pytest
from PIL import Image

from tests.service.house import House, upload
from tests.support.asgi import Answer, Caller
from tests.support.pictures import png


async def put(who: Caller, data: bytes, checksum: str | None = None) -> Answer:
    return await who.ask("PUT", f"/v1/blobs/{checksum or hashlib.sha256(data).hexdigest()}", body=data)


def written_as(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 24), (10, 20, 30)).save(buffer, kind)
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is huge; a few hundred bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
async def test_a_picture_is_kept_and_described(house: House, kind: str, media_type: str) -> None:
    data = written_as(kind)
    answer = await put(house.mira, data)
    assert answer.status == 201
    checksum = hashlib.sha256(data).hexdigest()
    assert answer.json == {"sha256": checksum, "size": len(data), "media_type": media_type, "width": 40, "height": 24}
    assert (await put(house.mira, data)).json == answer.json
    assert (await house.mira.ask("HEAD", f"/v1/blobs/{checksum}")).status == 204


async def test_what_another_artist_uploaded_is_not_there(house: House) -> None:
    checksum = await upload(house.mira, png())
    assert (await house.noor.ask("HEAD", f"/v1/blobs/{checksum}")).status == 404
    await upload(house.noor, png())
    assert (await house.noor.ask("HEAD", f"/v1/blobs/{checksum}")).status == 204


NO_PICTURES = {
    "nothing": b"",
    "text": b"hello",
    "gif": b"GIF89a" + bytes(100),
    "svg": b"<svg/>",
    "only a beginning": b"\x89PNG\r\n\x1a\n",
    "cut off": png()[:-20],
    "broken jpeg": b"\xff\xd8\xff" + bytes(50),
}


@pytest.mark.parametrize("data", NO_PICTURES.values(), ids=NO_PICTURES)
async def test_what_is_no_picture_is_refused(house: House, data: bytes) -> None:
    answer = await put(house.mira, data)
    assert (answer.status, answer.code) == (415, "not_an_image")
    assert "PNG" in answer.json["hint"]
    assert not await house.blobs.exists(hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(("width", "height"), [(100_000, 100_000), (2**31 - 1, 2**31 - 1), (16_777_217, 1)])
async def test_a_decompression_bomb_ends_at_its_header(house: House, width: int, height: int) -> None:
    answer = await put(house.mira, bomb(width, height))
    assert (answer.status, answer.code) == (413, "image_too_large")


async def test_a_picture_without_pixels_is_none(house: House) -> None:
    assert (await put(house.mira, bomb(0, 10))).code == "not_an_image"


async def test_a_picture_that_arrives_changed_is_refused(house: House) -> None:
    answer = await put(house.mira, png(), checksum="0" * 64)
    assert (answer.status, answer.code) == (422, "blob_checksum_mismatch")
    assert (await house.mira.ask("HEAD", f"/v1/blobs/{'0' * 64}")).status == 404


@pytest.mark.parametrize("address", ["xyz", "A" * 64, "a" * 63, "a" * 65, "..%2f..%2fetc%2fpasswd"])
async def test_what_is_no_checksum_is_no_address(house: House, address: str) -> None:
    answer = await house.mira.ask("PUT", f"/v1/blobs/{address}", body=png())
    assert (answer.status, answer.code) in [(422, "invalid_request"), (404, "not_found")]


async def test_more_bytes_than_allowed_are_refused_announced_or_not(house: House) -> None:
    house.service.settings.max_blob_bytes = 2000
    data = b"\x89PNG\r\n\x1a\n" + bytes(3000)
    assert (await put(house.mira, data)).code == "blob_too_large"
    path = f"/v1/blobs/{hashlib.sha256(data).hexdigest()}"
    unannounced = await house.mira.ask("PUT", path, body=data, headers={"content-length": "10"})
    assert (unannounced.status, unannounced.code) == (413, "blob_too_large")
