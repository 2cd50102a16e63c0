"""Every fault is brought about against the real service and the real practice engine, and each test cleans up after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.follower import Follower
from tests.support.running_service import RunningService, eventually

#: Slow enough to be caught in the middle of a picture (12 steps), quick enough for many tests.
STEPS = "--step-seconds 0.1"
#: The window of the idle rule; each test ends with it.
IDLE = 0.5

_Failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remembers for the fixtures whether the test itself went well."""
    report: Any = yield
    if report.when == "call":
        item.stash[_Failed] = report.failed
    return report


@pytest.fixture
def start(start_service: Callable[..., RunningService], request: pytest.FixtureRequest) -> Iterator[Callable[..., Follower]]:
    """`start(practice_args="...")` starts a service and gives an artist who listens to it.

    After a test that went well, its services let their machines fall asleep, and nothing of them is left running.
    """
    followers: list[Follower] = []

    def begin(practice_args: str = STEPS, **settings: Any) -> Follower:
        service = start_service(practice_args=practice_args, **({"idle_seconds": IDLE} | settings))
        follower = Follower(service)
        followers.append(follower)
        return follower

    yield begin
    for follower in followers:
        if not request.node.stash.get(_Failed, True):
            falls_asleep(follower)
        follower.close()


def falls_asleep(follower: Follower) -> None:
    """The idle rule ends the machine, a SIGTERM the service, and no process of theirs remains."""
    follower.connect_again()
    follower.until_machine("asleep")
    service = follower.service
    service.stop()
    eventually(lambda: not service.processes(), 10, "the end of every process of the service")
