"""ComfyUI's web page through the gateway, opened by a link, while its machine sleeps, wakes and works."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.contract.engine.graphs import Graph, text_to_image

from .comfy_page import ComfyPage
from .studio import Studio

CHECKPOINT = "practice-sd15.safetensors"
SAVE = 9
"""The graph's output node."""

NewPage = Callable[[], ComfyPage]
Shoot = Callable[[ComfyPage, str], None]


def lighthouse(steps: int = 20) -> Graph:
    return text_to_image(CHECKPOINT, steps=steps, width=256, height=256)


@pytest.mark.screenshot
def test_the_page_opens_while_the_machine_sleeps_and_wakes_nothing(studio: Studio, new_page: NewPage, shoot: Shoot) -> None:
    wakes = studio.wakes
    page = new_page().open(studio.link())
    assert page.page.evaluate("document.documentElement.dataset.practicePack") == "ochre indigo madder"
    page.load(lighthouse())
    shoot(page, "asleep")
    assert (studio.state, studio.wakes) == ("asleep", wakes)


@pytest.mark.screenshot
def test_run_wakes_the_machine_and_the_picture_appears(studio: Studio, new_page: NewPage, shoot: Shoot) -> None:
    wakes = studio.wakes
    page = new_page().open(studio.link())
    page.load(lighthouse())
    page.press_run()
    page.page.get_by_text("1 active").wait_for()
    shoot(page, "waking")
    page.until_heard("progress")
    page.page.get_by_text("Current node").wait_for()
    page.page.get_by_text(re.compile(r"1\s*running")).wait_for()
    shoot(page, "painting")
    page.until_heard("execution_success")
    assert page.until(page.picture_of(SAVE), "the picture") == [256, 256]
    page.page.get_by_text("0 active").wait_for()
    page.jobs().get_by_text(re.compile(r"contract_\d+_\.png")).first.wait_for()
    page.until(page.thumbnail, "the thumbnail")
    shoot(page, "done")
    assert studio.wakes == wakes + 1


def test_what_was_painted_is_there_at_the_next_visit_while_the_machine_sleeps(studio: Studio, new_page: NewPage) -> None:
    first = new_page().open(studio.link())
    first.load(lighthouse())
    first.press_run()
    first.until_heard("execution_success")
    studio.fall_asleep()
    wakes = studio.wakes
    again = new_page().open(studio.link())
    assert again.until(again.thumbnail, "the thumbnail") > 0
    assert (studio.state, studio.wakes) == ("asleep", wakes)


def test_a_run_is_cancelled_from_the_page(studio: Studio, new_page: NewPage) -> None:
    page = new_page().open(studio.link())
    page.load(lighthouse(steps=2000))
    page.press_run()
    page.until_heard("progress")
    page.press_cancel()
    page.until_heard("execution_interrupted")
    page.page.get_by_text("0 active").wait_for()
    studio.until("ready")


def test_a_run_is_cancelled_before_the_machine_is_awake(studio: Studio, new_page: NewPage) -> None:
    page = new_page().open(studio.link())
    page.load(lighthouse(steps=2000))
    page.press_run()
    page.page.get_by_text("1 active").wait_for()
    page.jobs()
    page.page.get_by_role("button", name="Clear queued").click()
    page.page.get_by_text("0 active").wait_for()
    studio.fall_asleep()
    assert "execution_start" not in [event for event, _ in page.frames]


@pytest.mark.screenshot
def test_a_link_for_looking_shows_the_page_and_paints_nothing(studio: Studio, new_page: NewPage, shoot: Shoot) -> None:
    wakes = studio.wakes
    page = new_page().open(studio.link(may_paint=False))
    page.load(lighthouse())
    page.press_run()
    page.page.get_by_text("This link is only for looking").first.wait_for()
    shoot(page, "only-looking")
    page.forgive()
    assert (studio.state, studio.wakes) == ("asleep", wakes)


def test_a_workflow_that_cannot_run_says_so_on_its_node(studio: Studio, new_page: NewPage) -> None:
    """Only the machine knows which models it has: it is woken, and what it says against the graph reaches the page."""
    page = new_page().open(studio.link())
    graph = lighthouse()
    graph["4"]["inputs"]["ckpt_name"] = "nobody-has-this.safetensors"
    page.page.evaluate("graph => window.app.api.queuePrompt(0, {output: graph, workflow: {}})", graph)
    said = page.until_heard("execution_error")
    assert "nobody-has-this.safetensors" in str(said)
