"""A recipe is enough to make a picture again, wherever it was kept."""

from __future__ import annotations

import json
import struct

import pytest

from wakebrush.canvas.base import Placement, Where
from wakebrush.canvas.plan import RegionPlan
from wakebrush.canvas.rect import Rect
from wakebrush.canvas.scene import Context, Fill, Mask, PlanSettings, Task
from wakebrush.qt import QImage, Qt
from wakebrush.session import recipe
from wakebrush.session.pictures import decode
from wakebrush.session.recipe import PNG_KEY, Recipe, parse

BODY = {
    "prompt": "a lighthouse", "style": "gouache", "seed": 7, "strength": 0.6, "width": 512, "height": 768,
    "loras": [{"name": "ink"}],
    "region": {"x": 1, "y": 2, "width": 30, "height": 40}, "overrides": {"steps": 9},
}  # fmt: skip
SETTINGS = PlanSettings(Task.CUSTOM, Context.LAYER, Fill.BLUR, 0.6, margins=(1, 2, 3, 4), megapixels=1.5, split_islands=False)


def made() -> Recipe:
    return recipe.of_request(BODY, SETTINGS, prompt="{a|the} lighthouse # ☃", negative="fog", selected=Rect(3, 4, 5, 6))


def test_a_recipe_comes_back_from_its_text_as_it_was() -> None:
    assert parse(made().text()) == made() and parse(Recipe().text()) == Recipe()
    assert made().text().isascii() and "\n" not in made().text()
    assert parse(made().text()).plan_settings == SETTINGS  # type: ignore[union-attr]
    assert (made().prompt, made().size, made().selected) == ("{a|the} lighthouse # ☃", (512, 768), (3, 4, 5, 6))


def test_a_recipe_of_a_picture_names_its_seed_and_where_the_service_keeps_it() -> None:
    second = made().of_picture(1, 8, "job")
    assert (second.seed, second.n, second.job) == (8, 1, "job")
    assert made().of_picture(0, None, None).seed == 7


@pytest.mark.parametrize(
    "text",
    [None, "", "{", "3", "[]", "{}", '{"version": 2}', '{"version": 1, "region": [1]}', '{"version": 1, "prompt": 3}',
     '{"version": 1, "plan": []}', '{"version": 1, "loras": 3}'],
)  # fmt: skip
def test_what_is_no_recipe_is_none(text: str | None) -> None:
    assert parse(text) is None


def test_a_recipe_of_a_newer_plugin_keeps_what_is_known_here() -> None:
    value = {**json.loads(made().text()), "mood": "calm", "plan": {"task": "dream", "feather": 9, "haze": 3}, "task": "dream"}
    found = parse(json.dumps(value))
    assert found is not None and found.prompt == made().prompt
    assert found.plan_settings == PlanSettings(task=Task.GENERATE, strength=0.6, feather=9.0)
    odd = parse(json.dumps({**value, "plan": {"context": "nowhere"}}))
    assert odd is not None and odd.plan_settings == PlanSettings(task=Task.GENERATE, strength=0.6)


@pytest.mark.parametrize(
    "region",
    [
        RegionPlan(Rect(-5, 0, 64, 48), 512, 384),
        RegionPlan(Rect(0, 0, 64, 48), 512, 384, (256, 192), Mask.PAINT, Rect(1, 2, 3, 4), 5, 6, Fill.MODEL, match_colours=True),
    ],
)
def test_a_region_comes_back_from_the_journal_as_it_was(region: RegionPlan) -> None:
    assert recipe.region_of(json.loads(json.dumps(recipe.region_body(region))), (9, 9, 9, 9)) == region


def test_a_region_of_which_only_the_area_is_known_is_painted_all_over() -> None:
    assert recipe.region_of({}, (1, 2, 30, 40)) == RegionPlan(Rect(1, 2, 30, 40), 30, 40)


@pytest.mark.parametrize(
    "placement", [Placement(), Placement(Where.REPLACE, "n", group=True, as_mask=True, captured=(3, 4), canvas=Rect(-1, 0, 9, 9))]
)
def test_a_placement_comes_back_from_the_journal_as_it_was(placement: Placement) -> None:
    assert recipe.placement_of(json.loads(json.dumps(recipe.placement_body(placement)))) == placement
    assert recipe.placement_of({}) == Placement()


def test_a_saved_png_file_has_the_recipe_in_a_text_chunk_and_every_pixel(qapp: object) -> None:
    image = QImage(3, 2, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    image.setPixelColor(1, 1, Qt.GlobalColor.red)
    content = recipe.write_png(image, made())
    read = decode(content)
    assert parse(read.text(PNG_KEY)) == made()
    assert read.convertToFormat(QImage.Format.Format_ARGB32) == image
    assert PNG_KEY.encode() + b"\0" in chunk(content, b"tEXt")


def chunk(png: bytes, kind: bytes) -> bytes:
    """The contents of a chunk of a PNG file."""
    place = 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        if png[place + 4 : place + 8] == kind:
            return png[place + 8 : place + 8 + length]
        place += 12 + length
    raise AssertionError(f"no {kind.decode()}")
