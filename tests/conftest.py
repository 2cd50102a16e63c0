"""Fixtures for all suites."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.artist import Artist
from tests.support.running_service import RunningService

# That the computer is busy is no finding: an example may take as long as it takes, and pytest-timeout ends what hangs.
settings.register_profile("any computer", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any computer")

#: A machine that starts at once and sketches without pausing, and sleeps when a test says so rather than by itself.
QUICK = {"idle_seconds": 600, "price_per_hour": 1.0}

Services = pytest.StashKey[list[RunningService]]()


@pytest.fixture
def start_service(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., RunningService]]:
    """`start_service(idle_seconds=2, practice_args="--startup 1")` starts a service; it and its machines end with the test.

    The same `name` gives the same data folder.
    """
    services = request.node.stash.setdefault(Services, [])

    def start(name: str = "service", **settings: Any) -> RunningService:
        service = RunningService(tmp_path / name, **(QUICK | settings))
        services.append(service)
        return service.start()

    yield start
    for service in services:
        service.clean_up()


@pytest.fixture
def service(start_service: Callable[..., RunningService]) -> RunningService:
    """A running service with a quick practice machine, asleep."""
    return start_service()


@pytest.fixture
def artist(service: RunningService) -> Artist:
    """The artist of this computer, at `service`."""
    return service.artist()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failed test shows what its services logged."""
    report = yield
    if report.failed:
        for service in item.stash.get(Services, []):
            report.sections.append((f"log of the service on {service.data.name}", service.log_tail()))
    return report
