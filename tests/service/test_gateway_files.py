"""Files through the gateway, while every machine sleeps: uploads, `/view`, and nothing that leads out of an artist's folders."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tests.service.house import House
from tests.support.asgi import Answer, Caller
from tests.support.forms import BOUNDARY, form, send_form, upload_image
from tests.support.pictures import png
from wake_service.blobs.life import GRACE_SECONDS
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


async def view(who: Caller, headers: dict[str, str] | None = None, method: str = "GET", **query: str) -> Answer:
    asked = "&".join(f"{name}={quote(value)}" for name, value in query.items())
    return await who.ask(method, f"/comfy/view?{asked}", headers=headers)


async def kept_blobs(house: House) -> int:
    """How many blobs have bytes, once what nobody needs was swept."""
    await house.clock.advance(GRACE_SECONDS + 1)
    await house.service.sweeper.sweep()
    return len(house.blobs._blobs)


# -- uploads --------------------------------------------------------------------------------------------------------------


async def test_an_upload_is_kept_and_named_as_comfyui_names_it(house: House, mira: Caller) -> None:
    assert (await upload_image(mira, "a.png", RED)).json == {"name": "a.png", "subfolder": "", "type": "input"}
    assert (await upload_image(mira, "a.png", RED)).json["name"] == "a.png"
    assert (await upload_image(mira, "a.png", BLUE)).json["name"] == "a (1).png"
    assert (await upload_image(mira, "a.png", BLUE, overwrite="true")).json["name"] == "a.png"
    elsewhere = await upload_image(mira, "a.png", RED, subfolder="sub//b/", type="temp")
    assert elsewhere.json == {"name": "a.png", "subfolder": "sub/b", "type": "temp"}
    assert (await view(mira, filename="a.png", type="input")).body == BLUE
    assert (await view(mira, filename="a.png", type="temp", subfolder="sub/b")).body == RED
    assert (await upload_image(mira, "a.png", RED, subfolder="")).status == 200
    assert house.state.value == "asleep"


@pytest.mark.parametrize(
    "name", ["film.mp4", "sound.flac", "thing.glb", "latent.latent", "notes.txt", "ümlaut (2).bin", "no_suffix"]
)
async def test_files_of_any_kind_come_back_as_they_were(mira: Caller, name: str) -> None:
    content = bytes(range(256)) * 3000
    assert (await upload_image(mira, name, content)).json["name"] == name
    answer = await view(mira, filename=name, type="input")
    assert (answer.status, answer.body) == (200, content)
    assert (await upload_image(mira, f"empty_{name}", b"")).status == 200
    assert (await view(mira, filename=f"empty_{name}", type="input")).body == b""


async def test_fields_may_come_before_and_behind_the_file(mira: Caller) -> None:
    before = await send_form(mira, "/comfy/api/upload/image", ("subfolder", "x", None), ("image", RED, "a.png"))
    behind = await send_form(mira, "/comfy/upload/image", ("image", RED, "a.png"), ("subfolder", "y", None))
    assert (before.json["subfolder"], behind.json["subfolder"]) == ("x", "y")


async def stream(who: Caller, body: bytes, *, step: int, breaks: bool = False) -> Answer:
    """Sends a body in small pieces; `breaks`: and goes away before its end."""
    answer, pieces = Answer(), [body[start : start + step] for start in range(0, len(body), step)]

    async def receive() -> dict[str, Any]:
        if not pieces:
            return {"type": "http.disconnect"}
        await asyncio.sleep(0)
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces) or breaks}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
        else:
            answer.body += message.get("body", b"")

    scope = who._scope("http", "/comfy/upload/image", {"content-type": f"multipart/form-data; boundary={BOUNDARY}"})
    await who._app({**scope, "method": "POST"}, receive, send)
    return answer


@pytest.mark.parametrize("step", [1, 7, 64, 1000])
async def test_a_form_is_read_wherever_its_pieces_are_cut(mira: Caller, step: int) -> None:
    content = b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n" + RED + b"\r"
    answer = await stream(mira, form(("image", content, "a.bin"), ("subfolder", "sub", None)), step=step)
    assert (answer.status, answer.json["subfolder"]) == (200, "sub")
    assert (await view(mira, filename="a.bin", type="input", subfolder="sub")).body == content


async def test_an_upload_that_breaks_off_leaves_nothing(house: House, mira: Caller) -> None:
    whole = form(("image", RED * 1000, "a.png"))
    for length in (10, 200, len(whole) // 2, len(whole) - 5):
        await stream(mira, whole[:length], step=100, breaks=True)
        assert (await stream(mira, whole[:length], step=100)).status == 400
    assert (await view(mira, filename="a.png", type="input")).status == 404
    assert await kept_blobs(house) == 0


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("image", []),
        ("image", [("image", "text only", None)]),
        ("image", [("image", RED, "")]),
        ("image", [("other", RED, "a.png")]),
        ("image", [("image", RED, "a.png"), ("type", "models", None)]),
        ("image", [("image", RED, "a.png"), ("subfolder", "x" * 100_000, None)]),
        ("image", [("image", RED, "a.png"), *[(f"field{n}", "", None) for n in range(100)]]),
        ("mask", [("image", RED, "a.png")]),
        ("mask", [("image", RED, "a.png"), ("original_ref", "no json", None)]),
        ("mask", [("image", RED, "a.png"), ("original_ref", "[]", None)]),
        ("mask", [("image", RED, "a.png"), ("original_ref", '{"filename": "missing.png"}', None)]),
        ("mask", [("image", RED, "a.png"), ("original_ref", '{"filename": ["a"], "type": 1}', None)]),
    ],
)
async def test_a_form_that_says_too_little_or_too_much_is_a_400_and_keeps_nothing(
    house: House, mira: Caller, path: str, parts: list[tuple[str, Any, str | None]]
) -> None:
    assert (await send_form(mira, f"/comfy/upload/{path}", *parts)).status == 400
    assert await kept_blobs(house) == 0


@pytest.mark.parametrize("kind", ["", "application/json", "multipart/form-data", "multipart/form-data; boundary=" + "x" * 300])
async def test_what_is_no_form_is_a_400(mira: Caller, kind: str) -> None:
    answer = await mira.ask("POST", "/comfy/upload/image", body=form(("image", RED, "a.png")), headers={"content-type": kind})
    assert answer.status == 400


async def test_garbage_for_a_form_is_a_400(mira: Caller) -> None:
    assert (await stream(mira, bytes(range(256)) * 100, step=1000)).status == 400


async def test_an_upload_over_the_quota_is_refused_and_the_same_again_is_not(tmp_path: Path) -> None:
    async with House(tmp_path / "data", quota_bytes=len(RED) + 10).open() as house:
        mira = house.at_gateway(house.mira)
        assert (await upload_image(mira, "a.png", RED)).status == 200
        refused = await upload_image(mira, "b.bin", b"x" * 11)
        assert (refused.status, refused.json["error"]["type"]) == (413, "quota_exceeded")
        assert (await upload_image(mira, "b.bin", b"x" * 10)).status == 200
        assert (await upload_image(mira, "again.png", RED)).status == 200
        assert (await view(mira, filename="b.bin", type="input")).body == b"x" * 10
        assert await kept_blobs(house) == 2


async def test_a_full_disk_is_told_and_nothing_is_kept(house: House, mira: Caller) -> None:
    house.blobs.capacity = 100
    assert (await upload_image(mira, "a.bin", b"x" * 1000)).status == 507
    assert (await view(mira, filename="a.bin", type="input")).status == 404


async def test_a_body_over_the_limit_is_a_413(tmp_path: Path) -> None:
    async with House(tmp_path / "data", gateway_max_body_bytes=2000).open() as house:
        mira = house.at_gateway(house.mira)
        assert (await upload_image(mira, "a.bin", b"x" * 3000)).status == 413
        assert (await stream(mira, form(("image", b"x" * 3000, "a.bin")), step=500)).status == 413
        assert await kept_blobs(house) == 0


async def test_an_upload_that_two_artists_have_stays_for_the_one_when_the_other_replaces_it(
    house: House, mira: Caller, noor: Caller
) -> None:
    await upload_image(mira, "a.png", RED)
    await upload_image(noor, "a.png", RED)
    await upload_image(noor, "a.png", BLUE, overwrite="1")
    assert await kept_blobs(house) == 2
    assert (await view(mira, filename="a.png", type="input")).body == RED
    assert (await view(noor, filename="a.png", type="input")).body == BLUE


async def test_what_was_only_a_file_is_no_picture_to_the_docker_until_it_has_sent_it(house: House, mira: Caller) -> None:
    """Nobody has looked at its size in pixels; then somebody has."""
    checksum = hashlib.sha256(RED).hexdigest()
    await upload_image(mira, "a.png", RED)
    assert (await house.mira.ask("HEAD", f"/v1/blobs/{checksum}")).status == 404
    assert (await house.mira.ask("PUT", f"/v1/blobs/{checksum}", body=RED)).json["width"] == 8
    assert (await house.mira.ask("HEAD", f"/v1/blobs/{checksum}")).status == 204


# -- masks ----------------------------------------------------------------------------------------------------------------


def with_alpha(alpha: int, size: tuple[int, int] = (8, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGBA", size, (0, 0, 0, alpha)).save(buffer, "PNG")
    return buffer.getvalue()


async def test_a_mask_makes_its_picture_transparent_and_keeps_the_picture_s_texts(mira: Caller) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("workflow", '{"nodes": []}')
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (10, 20, 30)).save(buffer, "PNG", pnginfo=texts)
    await upload_image(mira, "base.png", buffer.getvalue(), subfolder="sub")
    reference = json.dumps({"filename": "base.png [input]", "subfolder": "sub"})
    answer = await send_form(
        mira,
        "/comfy/upload/mask",
        ("image", with_alpha(7), "clip.png"),
        ("original_ref", reference, None),
        ("type", "input", None),
    )
    assert answer.json == {"name": "clip.png", "subfolder": "", "type": "input"}
    made = Image.open(io.BytesIO((await view(mira, filename="clip.png", type="input")).body))
    assert (made.mode, made.size, made.getpixel((3, 3))) == ("RGBA", (16, 16), (10, 20, 30, 7))
    assert made.info["workflow"] == '{"nodes": []}'


async def test_a_mask_for_another_artist_s_picture_is_refused(mira: Caller, noor: Caller) -> None:
    await upload_image(mira, "base.png", RED)
    reference = json.dumps({"filename": "base.png", "type": "input"})
    parts = [("image", with_alpha(7), "clip.png"), ("original_ref", reference, None)]
    assert (await send_form(mira, "/comfy/upload/mask", *parts)).status == 200
    assert (await send_form(noor, "/comfy/upload/mask", *parts)).status == 400


@pytest.mark.parametrize("mask", [b"no picture", RED[:40]], ids=["words", "cut off"])
async def test_a_mask_that_is_no_picture_is_a_400(mira: Caller, mask: bytes) -> None:
    await upload_image(mira, "base.png", RED)
    reference = json.dumps({"filename": "base.png", "type": "input"})
    answer = await send_form(mira, "/comfy/upload/mask", ("image", mask, "m.png"), ("original_ref", reference, None))
    assert answer.status == 400


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


# -- whatever is sent -----------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(["..", ".", "/", "\\", "a", "b.png", " ", "[output]", "C:", "\0", "\n", "é", "~", "%2e", "…", ";", '"'])
NASTY = st.one_of(st.text(st.characters(codec="utf-8"), max_size=30), st.lists(PIECES, max_size=7).map("".join))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(field=st.sampled_from(["filename", "subfolder", "type", "original"]), text=NASTY)
@example(field="subfolder", text="../../etc")
@example(field="filename", text="..")
async def test_whatever_is_sent_as_a_name_is_kept_inside_or_refused(house: House, field: str, text: str) -> None:
    mira = house.at_gateway(house.mira)
    name = text.replace('"', "'") if field == "filename" else "a.png"
    parts: list[tuple[str, str | bytes, str | None]] = [("image", RED, name.replace("\r", "").replace("\n", ""))]
    if field == "original":
        reference = json.dumps({"filename": text, "subfolder": text})
        assert (await send_form(mira, "/comfy/upload/mask", *parts, ("original_ref", reference, None))).status == 400
        return
    if field != "filename":
        parts.append((field, text, None))
    sent = await send_form(mira, "/comfy/upload/image", *parts)
    assert sent.status in (200, 400)
    if sent.status == 200:
        kept = sent.json
        assert kept["type"] in ("input", "output", "temp") and "/" not in kept["name"]
        path = [*kept["subfolder"].split("/"), kept["name"]]
        assert ".." not in path and not kept["subfolder"].startswith("/") and "\\" not in "".join(path)
    query = {"filename": "a.png", "type": "input"} | {field: text}
    assert (await view(mira, **query)).status in (200, 400, 403, 404)
