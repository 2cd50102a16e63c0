"""Every test here runs once in each Krita; nothing is skipped when one is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from .installing import built_zip, profile_with_plugin
from .kritas import EVERY, REPOSITORY, KritaMissing, KritaVersion
from .running import Profile, RunningKrita, running_krita
from .studio import Studio, a_studio

SECONDS = 600
"""For a test with its fixtures: the first one may have to make the root of a newer Krita."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "screenshot: takes pictures for people to look at (build/screenshots)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(SECONDS))


class OneKritaAWorker(LoadScopeScheduling):
    """Each Krita's tests stay with one worker, in order: it has that Krita installed, and shares one between tests."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("[krita")[2].partition("]")[0].partition("-")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneKritaAWorker:
    return OneKritaAWorker(config, log)


@pytest.fixture(scope="session")
def plugin_zip() -> Path:
    return built_zip()


@pytest.fixture(scope="session", params=EVERY, ids=lambda version: f"krita{version.name}")
def version(request: pytest.FixtureRequest) -> KritaVersion:
    try:
        request.param.provide()
    except KritaMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    return request.param


@pytest.fixture(scope="session")
def profile(version: KritaVersion, plugin_zip: Path) -> Iterator[Profile]:
    """A profile into which the plugin was imported; tests borrow copies of it."""
    with profile_with_plugin(version, plugin_zip) as made:
        yield made


@pytest.fixture(scope="module")
def shared_krita(version: KritaVersion, profile: Profile) -> Iterator[RunningKrita]:
    """One Krita for the tests of a module, without a service."""
    with profile.lent() as own:
        with running_krita(version, own) as krita:
            yield krita
        assert krita.complaints() == []


@pytest.fixture
def krita(shared_krita: RunningKrita) -> Iterator[RunningKrita]:
    """The module's Krita, with no document open before and after the test."""
    yield shared_krita
    shared_krita.ask("documents.close_all")


@pytest.fixture(scope="module")
def shared_studio(version: KritaVersion, profile: Profile) -> Iterator[Studio]:
    with a_studio(version, profile) as studio:
        yield studio


@pytest.fixture
def studio(shared_studio: Studio) -> Iterator[Studio]:
    """The module's studio, without documents and with nothing under way."""
    yield shared_studio
    shared_studio.until_idle()
    shared_studio.krita.ask("documents.close_all")


@pytest.fixture
def shoot() -> Callable[[RunningKrita, str], None]:
    """Takes a picture for people to look at: `shoot(krita, "asleep")`."""
    folder = REPOSITORY / "build/screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return lambda krita, what: krita.screenshot(folder / f"krita-{krita.ask('window.version')}-{what}.png")
