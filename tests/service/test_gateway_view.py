"""`/view` through the gateway, while every machine sleeps: whole, in part, smaller; and nothing that a browser would run."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.service.house import House
from tests.support.asgi import Caller
from tests.support.forms import send_form, upload_image, view
from tests.support.pictures import png, with_alpha
from wake_service.files import gallery
from wake_service.files.model import FileName, StoredFile
from wake_service.gateway import view as view_module

RED, BLUE = png(8, 8, (255, 0, 0)), png(8, 8, (0, 0, 255))


@pytest.fixture
def mira(house: House) -> Caller:
    return house.at_gateway(house.mira)


@pytest.fixture
def noor(house: House) -> Caller:
    return house.at_gateway(house.noor)


# -- /view ----------------------------------------------------------------------------------------------------------------


async def test_what_a_client_has_already_is_not_sent_again(mira: Caller) -> None:
    await upload_image(mira, "a.png", RED)
    first = await view(mira, filename="a.png", type="input")
    assert first.headers["content-type"] == "image/png"
    assert first.headers["content-disposition"] == 'inline; filename="a.png"'
    assert first.headers["x-content-type-options"] == "nosniff"
    again = await view(mira, {"If-None-Match": f'"other", W/{first.headers["etag"]}'}, filename="a.png", type="input")
    assert (again.status, again.body) == (304, b"")
    await upload_image(mira, "a.png", BLUE, overwrite="true")
    changed = await view(mira, {"If-None-Match": first.headers["etag"]}, filename="a.png", type="input")
    assert (changed.status, changed.body) == (200, BLUE)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=990-", 990, 1000),
        ("bytes=-10", 990, 1000),
        ("bytes=995-2000", 995, 1000),
        ("bytes=-5000", 0, 1000),
    ],
)
async def test_a_range_is_answered_with_just_that(mira: Caller, asked: str, start: int, stop: int) -> None:
    content = bytes(n % 251 for n in range(1000))
    await upload_image(mira, "a.bin", content)
    answer = await view(mira, {"Range": asked}, filename="a.bin", type="input")
    assert (answer.status, answer.body) == (206, content[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/1000"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
async def test_a_range_behind_the_end_is_a_416(mira: Caller, asked: str) -> None:
    await upload_image(mira, "a.bin", bytes(1000))
    answer = await view(mira, {"Range": asked}, filename="a.bin", type="input")
    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */1000")


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "lines=0-1", "bytes=9-2", "bytes=-", "bytes=x-", "bytes=" + "9" * 30 + "-"])
async def test_what_is_no_single_range_is_answered_whole(mira: Caller, asked: str) -> None:
    await upload_image(mira, "a.bin", bytes(100))
    answer = await view(mira, {"Range": asked}, filename="a.bin", type="input")
    assert (answer.status, len(answer.body)) == (200, 100)


async def test_a_range_of_what_has_changed_meanwhile_is_answered_whole(mira: Caller) -> None:
    await upload_image(mira, "a.png", RED)
    etag = (await view(mira, filename="a.png", type="input")).headers["etag"]
    asked = {"Range": "bytes=0-3", "If-Range": etag}
    assert (await view(mira, asked, filename="a.png", type="input")).status == 206
    await upload_image(mira, "a.png", BLUE, overwrite="true")
    assert (await view(mira, asked, filename="a.png", type="input")).body == BLUE


async def test_head_tells_the_size_without_the_bytes(mira: Caller) -> None:
    await upload_image(mira, "a.bin", bytes(1000))
    answer = await view(mira, method="HEAD", filename="a.bin", type="input")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "1000")
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("name", ["a.svg", "a.html", "a.js", "a.xml", "a.css", "A.SVG", "a.xhtml", "a.htm"])
async def test_what_a_browser_would_run_is_only_ever_a_download(mira: Caller, name: str) -> None:
    script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    await upload_image(mira, name, script)
    answer = await view(mira, {"Sec-Fetch-Dest": "document"}, filename=name, type="input")
    assert answer.headers["content-type"] == "application/octet-stream" and answer.body == script
    if name != "a.xhtml":  # not known to be anything
        assert answer.headers["content-disposition"].startswith("attachment")
        assert (answer.headers["vary"], answer.headers["cache-control"]) == ("Sec-Fetch-Dest", "no-store")


async def test_a_drawing_may_be_embedded_as_a_picture_where_no_script_runs(mira: Caller) -> None:
    await upload_image(mira, "a.svg", b"<svg/>")
    await upload_image(mira, "a.html", b"<p>")
    embedded = await view(mira, {"Sec-Fetch-Dest": "image"}, filename="a.svg", type="input")
    assert embedded.headers["content-type"] == "image/svg+xml"
    page = await view(mira, {"Sec-Fetch-Dest": "image"}, filename="a.html", type="input")
    assert page.headers["content-type"] == "application/octet-stream"


def test_even_what_is_embedded_may_run_nothing() -> None:
    for destination in ("image", "iframe", None):
        file = StoredFile(FileName("input", "", "a.svg"), "0" * 64, 1, "image/svg+xml", 0.0)
        assert "sandbox" in view_module._said(file, destination)["Content-Security-Policy"]


async def test_the_name_in_a_header_is_safe_whatever_it_is(mira: Caller) -> None:
    name = 'a";b=ü%.png'
    await send_form(mira, "/comfy/upload/image", ("image", RED, name.replace('"', '\\"')))
    answer = await view(mira, filename=name, type="input")
    assert answer.status == 200
    assert answer.headers["content-disposition"] == (
        "inline; filename=\"a_;b=_%.png\"; filename*=utf-8''a%22%3Bb%3D%C3%BC%25.png"
    )


@pytest.mark.parametrize(
    ("wish", "kind", "form_", "mode"),
    [
        ({"preview": "webp;50"}, "image/webp", "WEBP", "RGBA"),
        ({"preview": "jpeg;90"}, "image/jpeg", "JPEG", "RGB"),
        ({"preview": "jpeg"}, "image/jpeg", "JPEG", "RGB"),
        ({"preview": "bmp;x"}, "image/webp", "WEBP", "RGBA"),
        ({"preview": "jpeg;80", "channel": "a"}, "image/webp", "WEBP", "RGBA"),
        ({"preview": "webp;80", "channel": "rgb"}, "image/webp", "WEBP", "RGB"),
        ({"channel": "rgb"}, "image/png", "PNG", "RGB"),
        ({"channel": "a"}, "image/png", "PNG", "RGBA"),
    ],
)
async def test_a_picture_comes_smaller_or_in_part(mira: Caller, wish: dict[str, str], kind: str, form_: str, mode: str) -> None:
    await upload_image(mira, "a.png", with_alpha(100))
    answer = await view(mira, filename="a.png", type="input", **wish)
    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    made = Image.open(io.BytesIO(answer.body))
    assert (made.format, made.mode, made.size) == (form_, mode, (8, 8))
    if wish == {"channel": "a"}:
        assert made.getpixel((1, 1)) == (0, 0, 0, 100)
    again = await view(mira, {"If-None-Match": answer.headers["etag"]}, filename="a.png", type="input", **wish)
    assert again.status == 304


async def test_a_smaller_picture_is_made_once(mira: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    render = gallery.render
    monkeypatch.setattr(gallery, "render", lambda source, wish: (made.append(wish), render(source, wish))[1])
    await upload_image(mira, "a.png", RED)
    answers = [await view(mira, filename="a.png", type="input", preview="webp;80") for _ in range(3)]
    assert len({answer.body for answer in answers}) == 1 and len(made) == 1


async def test_a_look_at_what_is_no_picture_is_a_400(mira: Caller) -> None:
    await upload_image(mira, "a.png", b"words")
    assert (await view(mira, filename="a.png", type="input", preview="webp")).status == 400


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 404),
        ({"filename": ""}, 404),
        ({"filename": "missing.png"}, 404),
        ({"filename": "blake3:" + "0" * 64}, 404),
        ({"filename": "a.png", "type": "models"}, 400),
        ({"filename": "/etc/passwd"}, 400),
        ({"filename": "../a.png"}, 400),
        ({"filename": "a.png", "subfolder": "../.."}, 403),
        ({"filename": "a.png", "subfolder": "/etc"}, 403),
    ],
)
async def test_names_of_nothing_are_answered_as_comfyui_answers_them(mira: Caller, query: dict[str, str], status: int) -> None:
    assert (await view(mira, **query)).status == status


async def test_a_path_for_a_name_means_its_last_part_and_a_note_its_folder(mira: Caller) -> None:
    await upload_image(mira, "a.png", RED)
    assert (await view(mira, filename="some/where/a.png [input]")).body == RED


async def test_another_artist_s_file_is_not_there(mira: Caller, noor: Caller) -> None:
    await upload_image(mira, "a.png", RED)
    assert (await view(noor, filename="a.png", type="input")).status == 404


async def test_bytes_that_went_bad_are_never_sent(house: House, mira: Caller) -> None:
    await upload_image(mira, "a.png", RED)
    (sha256,) = house.blobs._blobs
    house.blobs.corrupt(sha256)
    assert (await view(mira, filename="a.png", type="input")).status == 404
    assert (await view(mira, filename="a.png", type="input", preview="webp")).status == 404
