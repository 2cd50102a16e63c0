"""From what she set and what is planned to the body of the call."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.api.asking import GenerateBody
from wakebrush.canvas.plan import Fill, Mask, ModelSize, PaintPlan, PlanSettings, Rect, RegionPlan, Scene, Task, plan
from wakebrush.client.model import Style
from wakebrush.session.prompt_grammar import LARGEST_SEED, shares
from wakebrush.session.request import Order, PaintRequest, body, model_size, orders, parse_seed, portions

REGION = RegionPlan(Rect(1, 2, 30, 40), 512, 688, mask=Mask.SELECTION, target=Rect(5, 5, 10, 10))
PLAN = PaintPlan(Task.REFINE, "inpaint", 0.7, (REGION,), Rect(0, 0, 100, 100), Rect(0, 0, 100, 100))
ORDER = Order("a castle", "people", 42, 2)
REQUEST = PaintRequest("a castle # at dusk?", "people", "gouache", (ORDER,))
UPLOADS = {"image": "i", "mask": "m"}


def test_the_body_holds_what_the_wire_asks_for() -> None:
    assert body(REQUEST, ORDER, PLAN, REGION, UPLOADS, reference="key", group="press") == {
        "mode": "inpaint", "prompt": "a castle", "negative_prompt": "people", "style": "gouache", "strength": 0.7,
        "image": "i", "mask": "m",
        "width": 512, "height": 688, "region": {"x": 1, "y": 2, "width": 30, "height": 40},
        "seed": 42, "count": 2, "reference": "key", "group": "press",
    }  # fmt: skip


def test_what_is_optional_on_the_wire_is_sent_only_when_it_says_something() -> None:
    region = replace(REGION, first_pass=(256, 336), fill=Fill.MODEL)
    order = replace(ORDER, loras=({"name": "ink", "strength": 0.8},))
    request = replace(REQUEST, overrides={"steps": 30}, gather=True)
    sent = body(request, order, PLAN, region, {}, reference="key", group="press")
    assert sent["first_pass"] == {"width": 256, "height": 336}
    assert sent["fill"] == "model"
    assert sent["loras"] == [{"name": "ink", "strength": 0.8}]
    assert sent["overrides"] == {"steps": 30}
    assert sent["gather"] is True


@pytest.mark.parametrize("task", list(Task))
def test_the_service_understands_what_is_asked_for_each_task(task: Task) -> None:
    box = Rect(10, 10, 700, 700)
    settings = PlanSettings(task, strength=0.8, fill=Fill.MODEL, margins=(0, 0, 600, 0))
    made = plan(Scene((2000, 2000), box, (box,)), settings, ModelSize(512, 512))
    wanted = orders(shares("a fox <lora:ink:0.8> {x|y}", "", LARGEST_SEED, 3))
    request = replace(REQUEST, orders=wanted, overrides={"steps": 30}, gather=True)
    uploads = {"image": "a" * 64, "mask": "b" * 64} if made.needs_image else {}
    for region in made.regions:
        for order in wanted:
            sent = body(request, order, made, region, uploads, reference="key", group="press")
            read = GenerateBody.parsed(json.dumps(sent).encode())
            assert (read.seed, read.count, read.group, read.gather) == (order.seed, 1, "press", True)
            assert (read.first_pass is None) == (region.first_pass is None)


@pytest.mark.parametrize("fill", [fill for fill in Fill if fill is not Fill.MODEL])
def test_what_is_filled_here_needs_nothing_of_the_engine(fill: Fill) -> None:
    assert "fill" not in body(REQUEST, ORDER, PLAN, replace(REGION, fill=fill), {}, reference="", group="")


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 2**64 - 1)), min_size=1, max_size=5), st.integers(1, 10))
def test_a_batch_is_divided_without_losing_a_picture_or_changing_a_seed(wanted: list[tuple[int, int]], most: int) -> None:
    divided = portions([Order("p", "", seed, count) for count, seed in wanted], most)
    assert all(1 <= order.count <= most for order in divided)
    assert [order.offset for order in divided] == [sum(each.count for each in divided[:n]) for n in range(len(divided))]
    seeds = [(order.seed or 0) + n for order in divided for n in range(order.count)]
    assert [seed % 2**64 for seed in seeds] == [(seed + n) % 2**64 for count, seed in wanted for n in range(count)]


def test_a_prompt_with_alternatives_and_loras_becomes_orders_of_words_alike() -> None:
    found = portions(orders(shares("a {red|blue} fox <lora:ink:0.5>", "", 4, 4)), 10)
    assert [(each.prompt, each.seed, each.count) for each in found] == [
        ("a red fox", 4, 1), ("a blue fox", 5, 1), ("a red fox", 6, 1), ("a blue fox", 7, 1),
    ]  # fmt: skip
    assert {each.loras[0]["name"] for each in found} == {"ink"}
    assert [each.offset for each in found] == [0, 1, 2, 3]


def test_one_job_may_leave_the_seed_to_the_service_and_several_may_not() -> None:
    assert portions([Order("p", count=10)], 10) == (Order("p", count=10),)
    with pytest.raises(ValueError, match="seed"):
        portions([Order("p", count=11)], 10)


@pytest.mark.parametrize(("typed", "seed"), [("", None), ("  ", None), ("42", 42), (str(2**64 - 1), 2**64 - 1)])
def test_a_seed_is_a_number_or_left_to_the_service(typed: str, seed: int | None) -> None:
    assert parse_seed(typed) == seed


@pytest.mark.parametrize("typed", ["-1", "x", "1.5", str(2**64)])
def test_another_seed_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(ValueError, match="seed"):
        parse_seed(typed)


def test_a_layer_is_named_after_the_prompt() -> None:
    assert replace(REQUEST, prompt="a castle\n at  dusk").name == "a castle at dusk"
    assert len(replace(REQUEST, prompt="word " * 50).name) <= 60


def test_a_press_knows_how_many_pictures_it_makes() -> None:
    assert replace(REQUEST, orders=portions([Order("p", "", 1, 13)], 10)).count == 13


def test_the_sizes_follow_the_model() -> None:
    size = model_size(Style("f", "F", base="flux", width=1024, height=768), 2_000_000)
    assert (size.width, size.height, size.multiple, size.max_pixels) == (1024, 768, 16, 2_000_000)
    assert model_size(None).width == 512
