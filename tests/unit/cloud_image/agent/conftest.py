"""A machine in a scratch folder, and a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from cloud_image.agent.state import Facts, State
from cloud_image.paths import Paths
from wake_service.clock import ManualClock


def laid_out(root: Path) -> Paths:
    """The folders that systemd-tmpfiles makes on a machine."""
    paths = Paths(root)
    folders = [paths.door, paths.agent_socket.parent, paths.prompt_socket.parent, paths.idle, paths.marks, paths.models]
    folders += [paths.engine_exit.parent, paths.kept.parent, paths.settings.parent]
    folders += [paths.engine_data / name for name in ("input", "output", "temp", "user")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return laid_out(tmp_path / "machine")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def state(clock: ManualClock) -> State:
    return State(Facts(machine="i-0abc", boot="boot 1"), clock.now)


Background = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


@pytest.fixture
async def background() -> AsyncIterator[Background]:
    """Runs something beside the test; what has failed fails the test."""
    tasks: list[asyncio.Task[None]] = []

    def run(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        tasks.append(asyncio.ensure_future(work))
        return tasks[-1]

    yield run
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


async def soon(good: Callable[[], Any], seconds: float = 10.0) -> None:
    """Returns once it is so; for what threads and other processes do, which no clock moves."""
    for _ in range(int(seconds / 0.005)):
        if good():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


async def moved(clock: ManualClock, good: Callable[[], Any], step: float = 10.0) -> None:
    """Moves the clock until it is so, with time between for the threads."""
    for _ in range(2000):
        if good():
            return
        await clock.advance(step)
        await asyncio.sleep(0.005)
    raise TimeoutError
