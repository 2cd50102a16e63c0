"""A page that stays open: it neither keeps a machine awake nor wakes one, and what happens behind it is only a pause."""

from __future__ import annotations

from collections.abc import Callable

from tests.contract.engine.graphs import text_to_image

from .comfy_page import ComfyPage
from .studio import Studio

CHECKPOINT = "practice-sd15.safetensors"
SAVE = 9
"""The graph's output node."""

NewPage = Callable[[], ComfyPage]


def test_an_open_page_lets_the_machine_fall_asleep_and_sleep_on(restless_studio: Studio, new_page: NewPage) -> None:
    studio = restless_studio
    page = new_page().open(studio.link())
    page.load(text_to_image(CHECKPOINT, steps=4))
    page.press_run()
    page.until_heard("execution_success")
    page.until(lambda: studio.state == "asleep", "falling asleep while the page is open")

    wakes, sockets = studio.wakes, len(page.sockets)
    studio.service.kill()
    page.until(lambda: len(page.sockets) >= sockets + 3, "three tries to connect again")
    studio.service.restart()
    page.until(page.is_connected, "the connection after the restart")
    page.forgive()
    page.page.wait_for_timeout(2000)  # what would wake it would do so at once
    assert (studio.state, studio.wakes) == ("asleep", wakes)

    heard = len(page.frames)
    page.press_run()
    page.until_heard("execution_success", after=heard)
    assert studio.wakes == wakes + 1


def test_a_restart_of_the_service_in_the_middle_of_a_run_is_only_a_pause(studio: Studio, new_page: NewPage) -> None:
    page = new_page().open(studio.link())
    page.load(text_to_image(CHECKPOINT, steps=60, width=128, height=128))
    page.press_run()
    page.until_heard("progress")
    given = studio.machine.prompts_given()
    studio.service.kill()
    page.page.wait_for_timeout(1000)
    studio.service.restart()
    page.until_heard("execution_success")
    assert page.until(page.picture_of(SAVE), "the picture") == [128, 128]
    page.page.get_by_text("0 active").wait_for()
    page.forgive()
    assert studio.machine.prompts_given() == given, "it was painted twice"


def test_a_machine_that_dies_in_the_middle_of_a_run_is_only_a_pause(studio: Studio, new_page: NewPage) -> None:
    page = new_page().open(studio.link())
    page.load(text_to_image(CHECKPOINT, steps=40, width=128, height=128))
    page.press_run()
    page.until_heard("progress")
    studio.machine.kill_engine()
    page.until_heard("execution_success")
    assert page.until(page.picture_of(SAVE), "the picture") == [128, 128]
    assert "execution_error" not in [event for event, _ in page.frames]
