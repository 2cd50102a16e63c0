"""Asking for a picture: what is accepted, and a sentence for everything that is not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.service.house import PRICE, STYLE, TEXT, House, accepted, generate, upload
from tests.support.pictures import mask_png, png

LIMITS = [
    ("width", 0),
    ("width", 63),
    ("width", 65),
    ("width", 100_000),
    ("width", -64),
    ("width", 64.5),
    ("width", "64"),
    ("height", 8200),
    ("strength", 0),
    ("strength", -0.1),
    ("strength", 1.01),
    ("strength", "0.5"),
    ("strength", None),
    ("seed", -1),
    ("seed", 2**64),
    ("seed", 1.5),
    ("count", 0),
    ("count", 11),
    ("count", True),
    ("prompt", None),
    ("prompt", 5),
    ("prompt", "x" * 10_001),
    ("negative_prompt", "x" * 10_001),
    ("style", ""),
    ("style", None),
    ("mode", "dream"),
    ("mode", None),
    ("image", "nonsense"),
    ("image", "A" * 64),
    ("mask", 7),
    ("region", {"x": 0, "y": 0, "width": 0, "height": 5}),
    ("region", {"x": 0, "y": 0, "width": 5}),
    ("region", [0, 0, 5, 5]),
    ("reference", "x" * 501),
    ("surprise", 1),
]


async def test_an_accepted_job_comes_back_whole(house: House) -> None:
    region = {"x": -20, "y": 64, "width": 1020, "height": 760}
    asked = {"prompt": "a lighthouse, gouache", "seed": 2**64 - 1, "count": 2, "region": region, "reference": "layer 7"}
    answer = await generate(house.mira, **asked)
    assert answer.status == 202
    job = answer.json["job"]
    assert {name: job[name] for name in asked} == asked
    assert (job["state"], job["waiting_for"], job["attempt"], job["ahead"]) == ("queued", "machine_waking", 1, 0)
    assert (job["style"], job["width"], job["height"], job["strength"]) == (STYLE, 64, 64, 1.0)
    assert (job["results"], job["error"], job["finished_at"], job["machine"]) == ([], None, None, None)
    assert job["created_at"].endswith("Z")
    assert (await house.mira.ask("GET", f"/v1/jobs/{job['id']}")).json["id"] == job["id"]


async def test_the_price_includes_the_wake_that_it_causes(house: House) -> None:
    price = (await generate(house.mira)).json["price"]
    wake_and_idle = house.service.settings.first_wake_estimate + house.service.settings.idle_seconds
    assert price["includes_wake"] is True
    assert price["estimate"]["currency"] == "USD"
    assert price["estimate"]["amount"] >= wake_and_idle * PRICE / 3600 / 1e6


@pytest.mark.parametrize(("field", "value"), LIMITS)
async def test_a_field_out_of_range_is_named(house: House, field: str, value: Any) -> None:
    answer = await generate(house.mira, **{field: value})
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert answer.json["field"].split(".")[0] == field
    assert field in answer.json["title"] and answer.json["hint"]


@pytest.mark.parametrize("field", ["mode", "prompt", "style"])
async def test_a_missing_field_is_named(house: House, field: str) -> None:
    body = {name: value for name, value in TEXT.items() if name != field}
    answer = await house.mira.ask("POST", "/v1/generate", json=body)
    assert (answer.status, answer.code, answer.json["field"]) == (422, "invalid_request", field)


@pytest.mark.parametrize("field", ["width", "height"])
async def test_a_picture_from_text_needs_a_size(house: House, field: str) -> None:
    answer = await generate(house.mira, **{field: None})
    assert (answer.status, answer.code, answer.json["field"]) == (422, "invalid_request", field)


async def test_more_pixels_than_allowed_are_refused(house: House) -> None:
    assert (await generate(house.mira, width=8192, height=4096)).code == "invalid_request"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe", b'{"mode": NaN', b"{" * 5000, b'{"prompt": "\\ud800"}']
)
async def test_what_is_no_json_object_is_refused(house: House, body: bytes) -> None:
    answer = await house.mira.ask("POST", "/v1/generate", body=body)
    assert answer.status in (400, 422)
    assert answer.code == "invalid_request"
    assert b"Traceback" not in answer.body and b"pydantic" not in answer.body


async def test_a_body_without_end_is_refused(house: House) -> None:
    answer = await house.mira.ask("POST", "/v1/generate", body=b" " * 300_000)
    assert (answer.status, answer.code) == (413, "invalid_request")


async def test_an_unknown_style_is_refused(house: House) -> None:
    answer = await generate(house.mira, style="impressionism")
    assert (answer.status, answer.code, answer.json["field"]) == (422, "unknown_style", "style")
    assert "impressionism" in answer.json["title"]


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"mode": "image_to_image"}, "image_required", "image"),
        ({"mode": "inpaint"}, "image_required", "image"),
        ({"mode": "inpaint", "image": "a" * 64}, "mask_required", "mask"),
    ],
)
async def test_a_mode_says_what_it_needs(house: House, fields: dict[str, Any], code: str, field: str) -> None:
    answer = await generate(house.mira, **fields)
    assert (answer.status, answer.code, answer.json["field"]) == (422, code, field)


async def test_a_picture_that_was_not_uploaded_is_named(house: House) -> None:
    hers = await upload(house.noor, png())
    for sized in ({}, {"width": 64, "height": 64}):
        answer = await generate(house.mira, mode="image_to_image", image=hers, **sized)
        assert (answer.status, answer.code, answer.json["missing"]) == (409, "blob_missing", [hers])


async def test_image_and_mask_of_different_size_are_refused(house: House) -> None:
    image, mask = await upload(house.mira, png(64, 64)), await upload(house.mira, mask_png(128, 64))
    answer = await generate(house.mira, mode="inpaint", image=image, mask=mask)
    assert (answer.status, answer.code) == (422, "mask_size_mismatch")


@pytest.mark.parametrize(("size", "expected"), [((64, 128), (64, 128)), ((71, 135), (64, 128)), ((8, 8), (64, 64))])
async def test_the_size_is_the_images_own_as_far_as_engines_can_make_it(
    house: House, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    image = await upload(house.mira, png(*size))
    job = await accepted(house.mira, mode="image_to_image", image=image)
    assert (job["width"], job["height"]) == expected


async def test_a_picture_wider_than_engines_can_make_is_refused(house: House) -> None:
    image = await upload(house.mira, png(9000, 8))
    assert (await generate(house.mira, mode="image_to_image", image=image)).code == "invalid_request"


async def test_a_seed_is_chosen_where_none_was_given(house: House) -> None:
    seeds = [(await accepted(house.mira, seed=None))["seed"] for _ in range(3)]
    assert len(set(seeds)) == 3 and all(isinstance(seed, int) and 0 <= seed < 2**64 for seed in seeds)


async def test_the_same_key_is_the_same_job(house: House) -> None:
    answers = await asyncio.gather(*(generate(house.mira, key="k 1 ü", seed=None) for _ in range(20)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["job"]["id"] for answer in answers}) == 1
    assert len((await house.mira.ask("GET", "/v1/jobs")).json["jobs"]) == 1


async def test_the_same_key_with_another_request_is_refused(house: House) -> None:
    await generate(house.mira, key="k")
    answer = await generate(house.mira, key="k", prompt="something else")
    assert (answer.status, answer.code) == (409, "idempotency_conflict")
    assert (await generate(house.noor, key="k", prompt="something else")).status == 202


@pytest.mark.parametrize("key", ["", "k" * 201])
async def test_a_key_has_a_length(house: House, key: str) -> None:
    answer = await house.mira.ask("POST", "/v1/generate", json=TEXT, headers={"Idempotency-Key": key})
    assert (answer.status, answer.code) == (422, "invalid_request")


async def test_an_admin_may_allow_fewer_pictures_at_once(house: House) -> None:
    house.service.settings.max_count = 3
    assert (await generate(house.mira, count=3)).status == 202
    answer = await generate(house.mira, count=4)
    assert (answer.status, answer.code, answer.json["field"]) == (422, "invalid_request", "count")


async def test_a_full_queue_says_when_to_try_again(house: House) -> None:
    house.service.settings.max_unfinished_jobs = 2
    first = [await accepted(house.mira, key=key) for key in "ab"]
    answer = await generate(house.mira, key="c")
    assert (answer.status, answer.code) == (429, "queue_full")
    assert answer.headers["retry-after"] == str(answer.json["retry_after"])
    assert (await accepted(house.noor))["state"] == "queued"
    await house.mira.ask("DELETE", f"/v1/jobs/{first[0]['id']}")
    assert (await generate(house.mira, key="c")).status == 202


async def test_a_request_that_was_accepted_is_so_for_ever(house: House) -> None:
    """Her answer was lost on the way; when she asks again, the queue is full, by this very job."""
    house.service.settings.max_unfinished_jobs = 1
    job = await accepted(house.mira, key="k")
    answer = await generate(house.mira, key="k")
    assert (answer.status, answer.json["job"]["id"]) == (202, job["id"])
    assert (await generate(house.mira, key="k", prompt="another")).code == "queue_full"
