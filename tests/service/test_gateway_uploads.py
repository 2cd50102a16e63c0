"""Uploads through the gateway, while every machine sleeps: any file, in any pieces, and nothing that leads out of her folders."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tests.service.house import House
from tests.support.asgi import Answer, Caller
from tests.support.forms import BOUNDARY, form, send_form, upload_image, view
from tests.support.pictures import png, with_alpha
from wake_service.blobs.life import GRACE_SECONDS

RED, BLUE = png(8, 8, (255, 0, 0)), png(8, 8, (0, 0, 255))


@pytest.fixture
def mira(house: House) -> Caller:
    return house.at_gateway(house.mira)


@pytest.fixture
def noor(house: House) -> Caller:
    return house.at_gateway(house.noor)


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


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=5), step=st.integers(1, 300))
async def test_a_form_that_was_changed_on_the_way_is_kept_or_refused(
    house: House, changes: list[tuple[int, int]], step: int
) -> None:
    body = bytearray(form(("image", b"content", "a.bin"), ("subfolder", "sub", None), ("type", "input", None)))
    for position, value in changes:
        body[position % len(body)] = value
    assert (await stream(house.at_gateway(house.mira), bytes(body), step=step)).status in (200, 400)


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
