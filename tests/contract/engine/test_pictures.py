"""Pictures in and out of an engine's folders."""

from __future__ import annotations

import io
import json
import re
import uuid

import pytest
from PIL import Image

from . import graphs
from .client import Engine


def _picture(colour: tuple[int, ...], mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (32, 24), colour)


async def test_the_same_picture_keeps_its_name_and_another_gets_a_new_one(engine: Engine) -> None:
    name = f"{uuid.uuid4().hex}.png"
    first = (await engine.upload(name, _picture((1, 2, 3)))).json()
    assert first == first | {"name": name, "subfolder": "", "type": "input"}
    assert (await engine.upload(name, _picture((1, 2, 3)))).json()["name"] == name
    assert (await engine.upload(name, _picture((9, 9, 9)))).json()["name"] == name.replace(".png", " (1).png")
    assert (await engine.upload(name, _picture((8, 8, 8)), overwrite="true")).json()["name"] == name


async def test_an_upload_goes_where_it_says(engine: Engine) -> None:
    name = f"{uuid.uuid4().hex}.png"
    answer = (await engine.upload(name, _picture((5, 5, 5)), subfolder="contract/deep", type="temp")).json()
    assert answer == answer | {"name": name, "subfolder": "contract/deep", "type": "temp"}
    where = {"filename": name, "subfolder": "contract/deep", "type": "temp"}
    assert (await engine.picture(where))[0, 0].tolist() == [5, 5, 5]


async def test_an_upload_never_leaves_its_folder(engine: Engine) -> None:
    for subfolder in ("../../elsewhere", "/etc"):
        assert (await engine.upload("a.png", _picture((1, 1, 1)), subfolder=subfolder)).status == 400


async def test_an_upload_without_picture_is_a_400(engine: Engine) -> None:
    assert (await engine.post("/upload/image", data={"subfolder": "x"})).status == 400


async def test_a_masked_upload_takes_the_masks_transparency(engine: Engine) -> None:
    name = f"{uuid.uuid4().hex}.png"
    await engine.upload(name, _picture((10, 200, 30)))
    mask = _picture((0, 0, 0, 64), "RGBA")
    reference = json.dumps({"filename": name, "type": "input"})
    answer = (await engine.upload(f"m-{name}", mask, "/upload/mask", original_ref=reference)).json()
    data = (await engine.get("/view", params={"filename": answer["name"], "type": "input"})).body
    assert Image.open(io.BytesIO(data)).convert("RGBA").getpixel((3, 3)) == (10, 200, 30, 64)


async def test_a_view_can_be_asked_for_again_only_if_it_changed(engine: Engine) -> None:
    reference = await _saved(engine)
    first = await engine.get("/view", params=reference)
    assert first.headers["Content-Type"] == "image/png"
    again = await engine.get("/view", params=reference, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


async def test_a_part_of_a_view_can_be_asked_for(engine: Engine) -> None:
    reference = await _saved(engine)
    part = await engine.get("/view", params=reference, headers={"Range": "bytes=1-3"})
    assert (part.status, part.body) == (206, b"PNG")


@pytest.mark.parametrize(("wish", "form"), [("webp;50", "WEBP"), ("jpeg;80", "JPEG"), ("jpeg", "JPEG"), ("gif", "WEBP")])
async def test_a_preview_is_packed_as_wished(engine: Engine, wish: str, form: str) -> None:
    reference = await _saved(engine)
    answer = await engine.get("/view", params=reference | {"preview": wish})
    assert Image.open(io.BytesIO(answer.body)).format == form
    assert answer.headers["Content-Type"] == f"image/{form.lower()}"


async def test_channels_are_given_out_apart(engine: Engine) -> None:
    name = f"{uuid.uuid4().hex}.png"
    await engine.upload(name, _picture((10, 20, 30, 128), "RGBA"))
    reference = {"filename": name, "type": "input"}
    colour = Image.open(io.BytesIO((await engine.get("/view", params=reference | {"channel": "rgb"})).body))
    alpha = Image.open(io.BytesIO((await engine.get("/view", params=reference | {"channel": "a"})).body))
    assert (colour.mode, colour.getpixel((0, 0))) == ("RGB", (10, 20, 30))
    assert alpha.getpixel((0, 0)) == (0, 0, 0, 128)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"filename": "nothing.png"}, 404),
        ({}, 404),
        ({"filename": "../secret.png"}, 400),
        ({"filename": "/etc/passwd"}, 400),
        ({"filename": "a.png", "type": "elsewhere"}, 400),
        ({"filename": "a.png", "subfolder": "../.."}, 403),
    ],
)
async def test_a_view_never_leaves_its_folder(engine: Engine, query: dict[str, str], status: int) -> None:
    assert (await engine.get("/view", params=query)).status == status


async def test_a_saved_picture_carries_its_prompt(engine: Engine) -> None:
    graph = graphs.plain(colour=0x445566)
    reference = await _saved(engine, graph)
    data = (await engine.get("/view", params=reference)).body
    found = json.loads(Image.open(io.BytesIO(data)).text["prompt"])
    if engine.world.gateway:  # in front of the artist's own prefix is the folder that she has at the engine
        folder, prefix = found["3"]["inputs"]["filename_prefix"].rsplit("/", 1)
        assert re.fullmatch("wakebrush/[0-9a-f]{16}", folder)
        found["3"]["inputs"]["filename_prefix"] = prefix
    assert found == graph


async def _saved(engine: Engine, graph: graphs.Graph | None = None) -> dict[str, str]:
    prompt_id, _ = await engine.run(graph or graphs.plain())
    entry = (await engine.get(f"/history/{prompt_id}")).json()[prompt_id]
    reference: dict[str, str] = entry["outputs"]["3"]["images"][0]
    return reference
