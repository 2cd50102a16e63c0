"""From her settings and the canvas to the body of the call."""

from __future__ import annotations

import pytest

from wakebrush.canvas.region import Rect, RegionPlan
from wakebrush.client.model import Style
from wakebrush.session.request import PaintRequest, body, choose_mode, model_size, parse_seed


@pytest.mark.parametrize(
    ("is_empty", "has_selection", "strength", "chosen"),
    [
        (True, False, 0.7, ("text_to_image", 1.0)),
        (False, False, 0.7, ("image_to_image", 0.7)),
        (False, False, 1.0, ("text_to_image", 1.0)),
        (False, True, 0.7, ("inpaint", 0.7)),
        (False, True, 1.0, ("inpaint", 1.0)),
        (True, True, 0.7, ("inpaint", 1.0)),
    ],
)
def test_the_canvas_decides_what_painting_means(
    is_empty: bool, has_selection: bool, strength: float, chosen: tuple[str, float]
) -> None:
    assert choose_mode(is_empty=is_empty, has_selection=has_selection, strength=strength) == chosen


def test_the_body_holds_what_the_wire_asks_for() -> None:
    request = PaintRequest("inpaint", "a castle", "people", "gouache", 0.7, 42, 2)
    sent = body(request, RegionPlan(Rect(1, 2, 30, 40), 512, 680, True), {"image": "i", "mask": "m"}, "key")
    assert sent == {
        "mode": "inpaint", "prompt": "a castle", "negative_prompt": "people", "style": "gouache", "strength": 0.7,
        "image": "i", "mask": "m",
        "width": 512, "height": 680, "region": {"x": 1, "y": 2, "width": 30, "height": 40},
        "seed": 42, "count": 2, "reference": "key",
    }  # fmt: skip


@pytest.mark.parametrize(("typed", "seed"), [("", None), ("  ", None), ("42", 42), (str(2**64 - 1), 2**64 - 1)])
def test_a_seed_is_a_number_or_left_to_the_service(typed: str, seed: int | None) -> None:
    assert parse_seed(typed) == seed


@pytest.mark.parametrize("typed", ["-1", "x", "1.5", str(2**64)])
def test_another_seed_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(ValueError, match="seed"):
        parse_seed(typed)


def test_a_layer_is_named_after_the_prompt() -> None:
    assert PaintRequest("text_to_image", "a castle\n at  dusk", "", "g", 1, None, 1).name == "a castle at dusk"
    assert len(PaintRequest("text_to_image", "word " * 50, "", "g", 1, None, 1).name) <= 60


def test_the_sizes_follow_the_model() -> None:
    assert model_size(Style("f", "F", base="flux", width=1024, height=1024)).multiple == 16
    assert (model_size(Style("s", "S", base="sdxl")).multiple, model_size(None).width) == (8, 512)
