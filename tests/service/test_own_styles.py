"""An artist's own style on the basis of one of the service's: what is judged, what is refused, what the engine is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.service.house import House, accepted, generate, upload
from tests.service.test_barred_models import bar, know
from tests.support.pictures import as_png, mask_png, opened, png
from wake_service.machines.model import MachineState

INK = {"name": "practice-ink.safetensors", "strength": 0.8}
NIGHT = "loras/practice-night.safetensors"


async def seen(house: House) -> None:
    """An engine has been seen, so that it is known what it has."""
    await house.mira.ask("POST", "/v1/wake")
    await house.until(MachineState.READY)
    async with asyncio.timeout(20):
        while house.service.catalogues.get("default") is None:
            await house.clock.advance(0.1)
            await asyncio.sleep(0.005)


async def painted(house: House, **fields: Any) -> dict[str, Any]:
    """The job of a request, once it is finished."""
    job = await accepted(house.mira, **fields)
    async with asyncio.timeout(20):
        while job["state"] in ("queued", "running"):
            await house.clock.advance(0.2)
            await asyncio.sleep(0.005)
            job = (await house.mira.ask("GET", f"/v1/jobs/{job['id']}")).json
    assert job["state"] == "succeeded", job["error"]
    return job


async def picture_of(house: House, job: dict[str, Any]) -> bytes:
    return (await house.mira.ask("GET", f"/v1/jobs/{job['id']}/results/0")).body


async def test_what_she_changed_changes_the_picture(painting_house: House) -> None:
    asked = {"width": 128, "height": 128, "seed": 5}
    plain = await picture_of(painting_house, await painted(painting_house, **asked))
    same = await picture_of(painting_house, await painted(painting_house, **asked, overrides={}))
    changed = await picture_of(painting_house, await painted(painting_house, **asked, overrides={"loras": [INK], "steps": 3}))
    on_top = await picture_of(painting_house, await painted(painting_house, **asked, loras=[INK]))
    assert opened(plain).tobytes() == opened(same).tobytes()
    assert len({opened(data).tobytes() for data in (plain, changed, on_top)}) == 3


async def test_a_picture_of_two_passes_has_the_size_she_asked_for(painting_house: House) -> None:
    house = painting_house
    image, mask = await upload(house.mira, png(256, 192)), await upload(house.mira, mask_png(256, 192))
    large: dict[str, Any] = {"width": 256, "height": 192, "first_pass": {"width": 128, "height": 96}}
    for mode in ({}, {"mode": "image_to_image", "image": image}, {"mode": "inpaint", "image": image, "mask": mask}):
        job = await painted(house, **large, **mode)
        assert opened(await picture_of(house, job)).size == (256, 192)


@pytest.mark.parametrize("side", ["width", "height"])
async def test_a_first_pass_larger_than_the_picture_is_refused(house: House, side: str) -> None:
    answer = await generate(house.mira, first_pass={"width": 64, "height": 64, side: 72})
    assert (answer.status, answer.json["field"]) == (422, "first_pass")


async def test_a_hole_is_filled_by_the_engines_model_where_it_has_one(painting_house: House) -> None:
    await seen(painting_house)
    hole = opened(png())
    hole.paste((0, 0, 0), (16, 16, 48, 48))
    image, mask = await upload(painting_house.mira, as_png(hole)), await upload(painting_house.mira, mask_png())
    asked = {"mode": "inpaint", "image": image, "mask": mask, "seed": 3, "strength": 0.3}
    filled, plain = await painted(painting_house, **asked, fill="model"), await painted(painting_house, **asked)
    assert filled["note"] is None
    pictures = [opened(await picture_of(painting_house, job)).getpixel((32, 32)) for job in (filled, plain)]
    assert pictures[0] != pictures[1]


async def test_a_fill_that_no_machine_can_is_left_out_with_a_note(house: House) -> None:
    image, mask = await upload(house.mira, png()), await upload(house.mira, mask_png())
    job = await accepted(house.mira, mode="inpaint", image=image, mask=mask, fill="model")
    assert "filling holes" in job["note"]
    assert (await accepted(house.mira, fill="model"))["note"] is None


async def test_a_filling_model_that_is_barred_fills_nothing(painting_house: House) -> None:
    house = painting_house
    await seen(house)
    know(house, ("inpaint/practice-fill.safetensors", "no"))
    await bar(house, "no")
    image, mask = await upload(house.mira, png()), await upload(house.mira, mask_png())
    job = await painted(house, mode="inpaint", image=image, mask=mask, fill="model")
    assert "does not paint with" in job["note"]


@pytest.mark.parametrize(
    "own",
    [
        {"loras": [{"name": "practice-night.safetensors"}]},
        {"overrides": {"loras": [{"name": "practice-night.safetensors"}]}},
        {"style": "practice-night", "overrides": {"steps": 4}},
    ],
)
@pytest.mark.parametrize("known", [False, True])
async def test_a_bar_is_not_gone_around_with_a_style_of_ones_own(painting_house: House, own: dict[str, Any], known: bool) -> None:
    if known:
        await seen(painting_house)
    know(painting_house, (NIGHT, "no"))
    await bar(painting_house, "no")
    for asked in (own, {**own, "gather": True}):
        answer = await generate(painting_house.mira, **asked)
        assert (answer.status, answer.code) == (403, "model_barred")
        assert NIGHT in answer.json["title"]


@pytest.mark.parametrize(("member", "folder"), [("checkpoint", "checkpoints"), ("vae", "vae")])
async def test_a_barred_file_is_barred_wherever_it_is_named(house: House, member: str, folder: str) -> None:
    know(house, (f"{folder}/other.safetensors", "ask"))
    await bar(house, "ask")
    answer = await generate(house.mira, overrides={member: "other.safetensors"})
    assert (answer.status, answer.code) == (403, "model_barred")


async def test_a_style_without_its_barred_model_may_be_painted_with(house: House) -> None:
    know(house, (NIGHT, "no"))
    await bar(house, "no")
    await accepted(house.mira, style="practice-night", overrides={"loras": []})


@pytest.mark.parametrize(
    "own",
    [
        {"loras": [{"name": "nobody.safetensors"}]},
        {"overrides": {"checkpoint": "nobody.safetensors"}},
        {"overrides": {"vae": "nobody.safetensors"}},
    ],
)
async def test_what_the_machines_lack_is_named(painting_house: House, own: dict[str, Any]) -> None:
    await seen(painting_house)
    answer = await generate(painting_house.mira, **own)
    assert (answer.status, answer.code, answer.json["models"]) == (422, "model_missing", ["nobody.safetensors"])
    assert "nobody.safetensors" in answer.json["title"]


@pytest.mark.parametrize("member", ["sampler", "scheduler"])
async def test_a_sampler_that_the_machines_lack_is_named(painting_house: House, member: str) -> None:
    await seen(painting_house)
    answer = await generate(painting_house.mira, overrides={member: "dream"})
    assert (answer.status, answer.json["field"]) == (422, f"overrides.{member}")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b.safetensors", ".hidden", "a\\b", "a//b", "x\n"])
async def test_a_name_that_leads_elsewhere_reaches_no_machine(house: House, name: str) -> None:
    for own in ({"loras": [{"name": name}]}, {"overrides": {"checkpoint": name}}):
        answer = await generate(house.mira, **own)
        assert (answer.status, answer.code) == (422, "invalid_request")
    assert len(house.service.book.board) == 0


OUT_OF_RANGE: list[tuple[str, Any]] = [
    ("loras", [INK] * 21),
    ("loras", [{"name": "", "strength": 1.0}]),
    ("loras", [{"name": "x", "strength": 11.0}]),
    ("loras", [{"name": "x", "weight": 1.0}]),
    ("overrides", {"steps": 0}),
    ("overrides", {"steps": 1001}),
    ("overrides", {"cfg": 101.0}),
    ("overrides", {"unet": "x"}),
    ("overrides", {"prompt_template": "x" * 4001}),
    ("overrides", {"loras": [INK] * 21}),
    ("first_pass", {"width": 64}),
    ("first_pass", {"width": 63, "height": 64}),
    ("fill", "grey"),
    ("gather", "yes"),
    ("front", 1),
    ("group", "x" * 101),
]


@pytest.mark.parametrize(("field", "value"), OUT_OF_RANGE)
async def test_a_member_out_of_range_is_named(house: House, field: str, value: Any) -> None:
    answer = await generate(house.mira, **{field: value})
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert answer.json["field"].split(".")[0] == field


async def test_the_list_of_styles_says_what_they_are_made_of_and_their_strictest_licence(house: House) -> None:
    know(house, ("checkpoints/practice-sd15.safetensors", "yes"), (NIGHT, "ask"))
    styles = {style["name"]: style for style in (await house.mira.ask("GET", "/v1/styles")).json["styles"]}
    night, sketch, ink = styles["practice-night"], styles["practice-sketch"], styles["practice-ink"]
    assert night["loras"] == [{"name": "practice-night.safetensors", "strength": 1.0}]
    assert (night["checkpoint"], night["sampler"], night["scheduler"]) == ("practice-sd15.safetensors", "dpmpp_2m", "karras")
    assert night["licence"] == {"name": "LicenseRef-NC", "commercial": "ask"}
    assert (sketch["licence"]["commercial"], ink["licence"]["commercial"]) == ("yes", None)


async def test_words_of_her_own_style_are_erased_with_her_pictures(painting_house: House) -> None:
    house = painting_house
    own = {"prompt_template": "secret garden, {prompt}", "negative_prompt": "secret fog"}
    job = await painted(house, overrides=own, group="secret press")
    assert (await house.mira.ask("DELETE", f"/v1/jobs/{job['id']}/results")).status == 200
    stored = await house.service.book.find(job["id"])
    assert stored is not None and "secret" not in repr(stored.request)
