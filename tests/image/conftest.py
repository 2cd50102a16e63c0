"""The workplace of a rehearsal, the image that was built in it, and scenes with a service and its machines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Services
from tests.image.lab.building import Build
from tests.image.lab.scene import Scene
from tests.image.lab.workplace import Workplace

#: Booting, painting and falling asleep take their time, more so where other suites run beside.
SCENE_SECONDS = 300
BUILD_SECONDS = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever comes first builds the image, within the same limit as the test itself."""
    for item in items:
        if "image" in item.path.parts:
            item.add_marker(pytest.mark.timeout(BUILD_SECONDS + SCENE_SECONDS))


@pytest.fixture(scope="session")
def run_id() -> str:
    """The same in all processes of one run. With `WAKEBRUSH_IMAGE_RUN` the image is used again that a run of that name built."""
    return os.environ.get("WAKEBRUSH_IMAGE_RUN") or os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())


@pytest.fixture(scope="session")
def workplace(run_id: str) -> Iterator[Workplace]:
    """This process's account, with nothing in it."""
    opened = Workplace(run_id, os.environ.get("PYTEST_XDIST_WORKER", "main"))
    opened.open()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def image(workplace: Workplace) -> Build:
    """The image, built by Packer in this run."""
    return workplace.image()


@pytest.fixture
def scene(workplace: Workplace, image: Build, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Scene]]:
    """`scene(idle_seconds=600, machines=2, spot=True)`: a deployment of its own with sleeping machines and a running service."""
    scenes: list[Scene] = []

    def make(**wishes: Any) -> Scene:
        name = f"s{abs(hash((request.node.name, len(scenes)))) % 10**8}"
        made = Scene(workplace.account, name, tmp_path / name, **wishes)
        scenes.append(made)
        request.node.stash.setdefault(Services, []).append(made.service)
        made.open()
        return made

    yield make
    for made in scenes:
        made.close()
    workplace.account.check()
