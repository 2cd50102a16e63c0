"""Every test here drives ComfyUI's own web page of today in a real browser; nothing is skipped when one is missing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.conftest import Services
from tests.contract.engine.process import PracticeProcess

from .chromium import chromium
from .comfy_page import ComfyPage
from .studio import STEP_SECONDS, Studio

HOSTILE = Path(__file__).parent / "hostile.js"
REPOSITORY = Path(__file__).parents[2]
SECONDS = 300
"""For a test with its fixtures, on two cores that other suites use too."""
WINDOW = {"width": 1400, "height": 900}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "screenshot: takes pictures for people to look at (build/screenshots)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for longer than a module: while it is open, its event loop is in the way of other suites' own."""
    with chromium() as made:
        yield made


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[[], ComfyPage]]:
    """`new_page()` is a tab of a browser that knows nothing yet; whatever it has complained of by the end fails the test."""
    pages: list[ComfyPage] = []

    def make() -> ComfyPage:
        pages.append(ComfyPage(browser.new_context(viewport=WINDOW).new_page()))
        return pages[-1]

    yield make
    complaints = [page.complaints() for page in pages]
    for page in pages:
        page.page.context.close()
    assert not any(complaints), complaints


@pytest.fixture(scope="session")
def front_end() -> Path:
    """The files of ComfyUI's web page, as its package brings them."""
    found = list(REPOSITORY.glob("build/tools/clients/lib/*/site-packages/comfyui_frontend_package/static"))
    assert found, "The files of ComfyUI's web page are not here. `.ci/bootstrap test` installs them."
    return found[0]


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory, front_end: Path) -> Iterator[PracticeProcess]:
    """A practice engine with the web page and the example node pack, slow enough to be watched."""
    arguments = ("--front-end-root", str(front_end), "--practice-pack", "--step-seconds", str(STEP_SECONDS))
    process = PracticeProcess(tmp_path_factory.mktemp("practice"), *arguments).wait_until_listening()
    yield process
    assert process.stop() == 0, process.log.read_text()


@pytest.fixture(scope="session")
def infected(front_end: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The web page's files with a hostile script among its extensions, which does nothing until a test gives it targets."""
    root = tmp_path_factory.mktemp("page") / "static"
    shutil.copytree(front_end, root)
    (root / "extensions" / "hostile").mkdir()
    shutil.copy(HOSTILE, root / "extensions" / "hostile")
    return root


@pytest.fixture(scope="session")
def shared_studio(tmp_path_factory: pytest.TempPathFactory, infected: Path) -> Iterator[Studio]:
    """One for all tests: waking it and reading its page takes a while."""
    studio = Studio(tmp_path_factory.mktemp("studio") / "service", infected)
    try:
        yield studio.open()
    finally:
        studio.service.clean_up()


@pytest.fixture
def studio(shared_studio: Studio, request: pytest.FixtureRequest) -> Iterator[Studio]:
    """The studio with its machine asleep. A test may kill and restart its service, with other settings too."""
    request.node.stash.setdefault(Services, []).append(shared_studio.service)
    shared_studio.fall_asleep()
    ordinary = dict(shared_studio.service.settings)
    yield shared_studio
    if not shared_studio.service.running or shared_studio.service.settings != ordinary:
        shared_studio.restart_with(**ordinary)


@pytest.fixture
def restless_studio(shared_studio: Studio, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Studio]:
    """A studio whose machine falls asleep a second after its work."""
    studio = shared_studio.sibling(tmp_path / "service", idle_seconds=1)
    request.node.stash.setdefault(Services, []).append(studio.service)
    yield studio
    studio.service.clean_up()


@pytest.fixture
def shoot() -> Callable[[ComfyPage, str], None]:
    """Takes a picture for people to look at: `shoot(page, "asleep")`."""
    return lambda page, what: page.screenshot(REPOSITORY / f"build/screenshots/browser/{what}.png")
