"""Again brings back what a picture was made from."""

from __future__ import annotations

import pytest

from wakebrush.canvas.base import ActiveLayer
from wakebrush.canvas.rect import Rect
from wakebrush.session.recipe import Recipe

from .some_results import AREA, Shop, alpha_of, entry, journal, shop

__all__ = ["journal", "shop"]


def test_again_brings_back_how_a_result_was_made(shop: Shop) -> None:
    shop.bring(entry())
    shop.session.settings.prompt, shop.session.settings.seed = "something else", ""
    shop.results.again("p:0")
    settings = shop.session.settings
    assert (settings.prompt, settings.negative_prompt, settings.style, settings.seed) == ("a castle", "fog", "gouache", "100")
    shop.until(lambda: shop.canvas.selection == Rect(1, 2, 3, 4))
    assert shop.canvas.shape == (), "its shape was not kept"


@pytest.mark.parametrize("of_layer", [False, True])
def test_again_brings_back_the_shape_of_the_selection_while_it_is_on_disk(shop: Shop, of_layer: bool) -> None:
    shop.bring(entry(), files={"selection": alpha_of(99)})
    if of_layer:
        shop.canvas.layer = ActiveLayer("l2", "a castle", recipe=shop.results.items[0].recipe.text())
    shop.results.again("" if of_layer else "p:0")
    shop.until(lambda: shop.canvas.shape)
    ((image, area),) = shop.canvas.shape
    assert area == AREA and image.pixelColor(3, 3).red() == 99
    (shop.journal.folder / "p" / "selection.png").write_bytes(alpha_of(99)[:40])
    shop.results.again("p:0")
    shop.until(lambda: shop.canvas.shape == ())
    assert shop.canvas.selection == Rect(1, 2, 3, 4)


def test_again_selects_nothing_in_a_document_that_came_to_the_front_meanwhile(shop: Shop) -> None:
    shop.bring(entry())
    shop.results.again("p:0")
    shop.canvas.documents["d2"], shop.canvas.active = "", "d2"
    shop.settle()
    assert shop.canvas.selection is None


def test_again_on_a_layer_needs_nothing_but_the_layer(shop: Shop) -> None:
    made = Recipe("a whale", seed=7, task="refine", strength=0.4, plan={"feather": 11})
    shop.canvas.layer = ActiveLayer("l2", "a whale", recipe=made.text())
    shop.session.refresh_canvas()
    assert shop.results.layer_prompt == "a whale"
    shop.results.again()
    settings = shop.session.settings
    assert (settings.prompt, settings.seed, settings.strength, settings.task) == ("a whale", "7", 40, "refine")
    assert settings.feather == 11 and shop.canvas.selection is None
    shop.canvas.layer = ActiveLayer("l1", "ink")
    shop.session.refresh_canvas()
    assert shop.results.layer_prompt == ""


def test_again_on_any_other_layer_says_what_to_do(shop: Shop) -> None:
    shop.results.again()
    shop.until_told("not one of your results")
