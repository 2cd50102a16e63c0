"""ComfyUI's web page before the practice engine itself: what the tests of the gateway stand on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contract.engine.graphs import text_to_image
from tests.contract.engine.process import PracticeProcess

from .comfy_page import ComfyPage

CHECKPOINT = "practice-sd15.safetensors"
SAVE = 9
"""The graph's output node."""

NewPage = Callable[[], ComfyPage]


@pytest.fixture
def page(new_page: NewPage, practice: PracticeProcess) -> ComfyPage:
    return new_page().open(practice.url)


def test_a_node_packs_script_runs_and_reaches_the_packs_own_route(page: ComfyPage) -> None:
    assert page.page.evaluate("document.documentElement.dataset.practicePack") == "ochre indigo madder"


def test_a_workflow_runs_shows_its_progress_and_its_picture(page: ComfyPage) -> None:
    page.load(text_to_image(CHECKPOINT, steps=10))
    page.press_run()
    page.page.get_by_text("Current node").wait_for()
    page.until_heard("execution_success")
    assert page.until(page.picture_of(SAVE), "the picture") == [64, 64]
    page.page.get_by_text("0 active").wait_for()
    page.jobs().get_by_text("contract_00001_.png").wait_for()


def test_a_run_is_cancelled_from_the_page(page: ComfyPage) -> None:
    page.load(text_to_image(CHECKPOINT, steps=2000))
    page.press_run()
    page.until_heard("progress")
    page.press_cancel()
    page.until_heard("execution_interrupted")
    page.page.get_by_text("0 active").wait_for()
    # The page's own word for it is "Failed"; its server tells the two apart.
    assert "Failed" in page.jobs().inner_text()
    (job, *_) = page.page.evaluate("async () => (await (await window.app.api.fetchApi('/jobs')).json()).jobs")
    assert job["status"] == "cancelled"


def test_settings_and_workflows_are_there_at_the_next_visit(
    page: ComfyPage, new_page: NewPage, practice: PracticeProcess
) -> None:
    page.page.evaluate("() => window.app.extensionManager.setting.set('Comfy.Graph.CanvasInfo', false)")
    page.page.evaluate("() => window.app.api.storeUserData('workflows/kept.json', {kept: true})")
    again = new_page().open(practice.url)
    assert again.page.evaluate("() => window.app.extensionManager.setting.get('Comfy.Graph.CanvasInfo')") is False
    assert again.page.evaluate("async () => (await window.app.api.getUserData('workflows/kept.json')).json()") == {"kept": True}
